"""Who keeps up gets a part together with others, and nobody can tell the difference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import CloseReason
from streamer.fanout.row import SEATS
from streamer.fanout.rows import MOST_TOGETHER_BYTES, SLICE_BYTES, SLICE_CLIENTS
from tests.streamer.frames import frame, frame_for, jpeg, stop_for, text_frame

from .node import Node, Watcher

BUFFER = 262_144


def seated(number: int, **how: object) -> tuple[Node, list[Watcher]]:
    """Returns viewers who have had frame 0, and are in step."""
    node = Node()
    viewers = [node.join(**how) for _ in range(number)]  # type: ignore[arg-type]
    node.publish(frame(0))
    node.together.passes.clear()
    return node, viewers


def test_those_who_keep_up_get_a_part_in_one_pass() -> None:
    node, viewers = seated(SEATS + 10)
    node.publish(frame(1))
    assert node.together.passes == [SEATS, 10]
    assert all(each.numbers == [0, 1] for each in viewers)


def test_browsers_are_in_step_with_each_other() -> None:
    node, viewers = seated(5, advance=True)
    plain = [node.join() for _ in range(4)]
    node.publish(frame(1), frame(2))
    assert sorted(node.together.passes) == [4, 5, 5]
    assert all(each.body.parts[-1].number == 2 for each in viewers + plain)


def test_an_outlet_that_has_to_be_written_to_alone_never_sits() -> None:
    node, _ = seated(2)
    alone = node.join(together=False)
    node.publish(frame(1), frame(2))
    assert node.together.passes == [2, 2]
    assert alone.numbers == [0, 1, 2]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("room", [0, 70])
def test_who_cannot_take_all_of_a_part_gets_its_rest_later(place: int, room: int) -> None:
    node, viewers = seated(3)
    slow = viewers[place]
    slow.prompt, slow.capacity = False, room
    node.publish(frame(1, 1000))
    assert [each.numbers for each in viewers if each is not slow] == [[0, 1]] * 2
    slow.read()
    node.publish(frame(2))
    assert all(each.numbers == [0, 1, 2] for each in viewers)
    assert [each.client.parts for each in viewers] == [3, 3, 3]


@pytest.mark.parametrize("taken", [1, 1300, 2500])
@pytest.mark.parametrize("advance", [False, True])
def test_a_batch_of_which_a_socket_takes_some_is_counted_and_goes_on(
    taken: int, advance: bool
) -> None:
    node, viewers = seated(3, advance=advance)
    slow = viewers[1]
    slow.prompt, slow.capacity = False, taken
    node.accept(*(frame(number, 1000) for number in (1, 2, 3)))
    node.settle()
    assert slow.client.parts < 4
    slow.read()
    node.publish(frame(4))
    assert all(each.client.parts == 5 for each in viewers)
    assert {bytes(each.received) for each in viewers} == {bytes(slow.received)}


def test_who_has_no_room_within_the_bound_falls_behind_alone() -> None:
    node, viewers = seated(3)
    slow = viewers[1]
    slow.prompt = False
    for number in range(1, 5):
        node.publish(frame(number, 100_000))
    assert [each.client.parts for each in viewers] == [5, 3, 5]
    assert slow.client.behind
    assert slow.unsent_bytes <= BUFFER
    slow.read()
    assert slow.numbers == [0, 1, 2, 4]
    assert slow.client.skipped == 1


def test_parts_that_come_together_are_held_to_the_bound_too() -> None:
    node = Node({"*": {"client_buffer_bytes": 8192}})
    slow, prompt = node.join(), node.join()
    node.publish(frame(0))
    slow.prompt = False
    node.accept(*(frame(number, 6_000) for number in range(1, 11)))
    node.settle()
    assert slow.unsent_bytes <= 8192
    assert prompt.numbers == list(range(11))
    slow.read()
    assert slow.numbers == [0, 1, 10]


def test_what_waits_is_asked_only_when_it_might_be_too_much() -> None:
    node, viewers = seated(2)
    for each in viewers:
        each.calls.clear()
    for number in range(1, 9):
        node.publish(frame(number, 60_000))
    assert all(each.calls["unacknowledged"] == 1 for each in viewers)


def test_a_broken_connection_is_noticed_and_disturbs_nobody() -> None:
    node, viewers = seated(4)
    viewers[2].failing = True
    node.publish(frame(1))
    assert viewers[2].left
    assert node.reasons() == [CloseReason.CLIENT]
    assert [each.numbers for each in viewers] == [[0, 1], [0, 1], [0], [0, 1]]


def test_a_frame_for_one_of_them_finds_it_in_its_order() -> None:
    node, viewers = seated(3)
    node.publish(frame(1), frame_for(viewers[0].id, 7), frame(2))
    assert [each.numbers for each in viewers] == [[0, 1, 7, 2], [0, 1, 2], [0, 1, 2]]


def test_a_stop_for_one_of_them_finds_it_in_its_order() -> None:
    node, viewers = seated(3)
    node.publish(frame(1), stop_for(viewers[0].id), frame(2))
    assert viewers[0].body.closed
    assert [each.numbers for each in viewers] == [[0, 1], [0, 1, 2], [0, 1, 2]]


def test_who_leaves_between_two_slices_is_not_written_to() -> None:
    node, viewers = seated(2 * SEATS)
    node.accept(frame(1))
    node.hub.work()
    viewers[-1].leave()
    viewers[0].leave()
    node.settle()
    assert node.together.passes == [SEATS, SEATS - 1]
    assert viewers[-1].numbers == [0]
    node.publish(frame(2))
    assert all(each.numbers == [0, 1, 2] for each in viewers[1:-1])


def test_a_seat_that_was_left_is_taken_by_who_comes() -> None:
    node, viewers = seated(SEATS)
    viewers[5].leave()
    node.join()
    node.publish(frame(1), frame(2))
    assert node.together.passes == [SEATS - 1, SEATS]


def test_those_who_stay_keep_their_seats_whoever_leaves() -> None:
    node, viewers = seated(5)
    for number, leaver in enumerate((0, 4, 1), 1):
        viewers[leaver].leave()
        node.publish(frame(number))
    assert node.together.passes == [4, 3, 2]
    assert [each.numbers for each in viewers] == [
        [0],
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1],
    ]
    for each in (viewers[2], viewers[3]):
        each.leave()
    assert node.hub.connections == 0


def test_who_sits_down_with_more_room_gives_the_others_no_more() -> None:
    node, (slow, other) = seated(2)
    slow.prompt = False
    node.publish(frame(1, 80_000), frame(2, 80_000))
    node.publish(frame_for(other.id, 3, 200_000), frame_for(other.id, 4, 200_000))
    for number in range(5, 9):
        node.publish(frame(number, 80_000))
    assert slow.unsent_bytes <= BUFFER
    assert other.numbers == list(range(9))


def test_what_still_waits_of_one_of_them_counts_after_a_look() -> None:
    node, (slow, _) = seated(2)
    slow.prompt = False
    for number in range(1, 5):
        node.publish(frame(number, 60_000))
    slow.send()
    slow.acknowledge(180_000)
    for number in range(5, 10):
        node.publish(frame(number, 60_000))
    assert slow.unsent_bytes + slow.flying_bytes <= BUFFER


def test_who_stands_up_between_two_slices_is_not_served_twice() -> None:
    node, viewers = seated(2 * SEATS)
    node.accept(frame(1))
    node.hub.work()
    viewers[0].client.stand()
    viewers[-1].client.stand()
    node.settle()
    assert all(each.numbers == [0, 1] for each in viewers)


def test_a_part_too_large_for_a_pass_goes_to_each_by_itself_in_slices() -> None:
    node, viewers = seated(10)
    size = MOST_TOGETHER_BYTES * 8
    node.accept(frame(1, size))
    written = sum(len(each.received) for each in viewers)
    while node.hub.working:
        node.hub.work()
        now_written = sum(len(each.received) for each in viewers)
        assert now_written - written <= SLICE_BYTES + size
        written = now_written
    assert node.together.passes == []
    node.publish(frame(2), frame(3))
    assert node.together.passes == [10]
    assert all(each.numbers == [0, 1, 2, 3] for each in viewers)


def test_who_leaves_while_others_are_served_one_by_one_is_not_written_to() -> None:
    node = Node()
    viewers = [node.join() for _ in range(2 * SLICE_CLIENTS)]
    node.accept(frame(1))
    node.hub.work()
    writes = viewers[-1].calls["write"]
    viewers[-1].leave()
    node.settle()
    assert viewers[-1].calls["write"] == writes


@pytest.mark.parametrize("stands", [False, True])
def test_who_accepts_nothing_is_stalled_though_it_sits_or_has_sat(stands: bool) -> None:
    node, (stuck, _) = seated(2)
    stuck.prompt = False
    for number in range(1, 10):
        node.publish(frame(number))
        node.hub.upkeep.sweep(node.now)
        node.settle()
        if stands and number == 5:
            stuck.client.stand()
        node.now += 4.0
    assert stuck.left
    assert node.reasons() == [CloseReason.STALLED]


def test_a_sweep_looks_only_at_those_for_whom_something_waits() -> None:
    node, viewers = seated(3)
    viewers[0].prompt = False
    node.publish(frame(1))
    for each in viewers:
        each.calls.clear()
    node.hub.upkeep.sweep(node.now)
    node.settle()
    assert [each.calls["unacknowledged"] for each in viewers] == [2, 1, 1]


def test_after_a_long_silence_nobody_has_stalled() -> None:
    node, viewers = seated(3)
    node.now += 1000.0
    for each in viewers:
        each.prompt = False
    node.publish(frame(1))
    for _ in range(29):
        node.hub.upkeep.sweep(node.now)
        node.settle()
        node.now += 1.0
    assert not any(each.left for each in viewers)


def test_after_words_the_end_shows_the_picture_that_came_last() -> None:
    node, viewers = seated(2, advance=True)
    node.publish(text_frame(1), frame(2))
    node.hub.finish_all(CloseReason.SHUTDOWN)
    node.settle()
    assert all(each.body.parts[-1].body == jpeg(2) for each in viewers)


def test_words_between_pictures_send_each_browser_its_own_way_and_back() -> None:
    node, viewers = seated(3, advance=True)
    node.publish(text_frame(1), frame(2), frame(3))
    assert all(each.client.skipped == 1 and each.client.parts == 3 for each in viewers)
    assert node.together.passes == [3]
    node.hub.finish_all(CloseReason.SHUTDOWN)
    node.settle()
    assert all(each.body.parts[-1].body == jpeg(3) for each in viewers)


def test_figures_count_those_who_sit() -> None:
    node, viewers = seated(3)
    node.publish(frame(1), frame(2))
    viewers[0].leave()
    assert node.figures().parts == 9
    assert node.figures().bytes == 90


# The same story, told with rows and without: to viewers there is no difference.

Act = tuple[str, int, int]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["publish", "accept", "words", "work", "join", "browse", "leave", "slow", "read", "own"]
        ),
        st.integers(0, 5),
        st.integers(0, 4000),
    ),
    max_size=40,
)


def play(acts: list[Act], *, together: bool) -> list[tuple[bytes, int, int, int]]:
    node = Node({"*": {"client_buffer_bytes": 8192}})
    for number in range(3):
        node.join(together=together, advance=number == 2)
    for number, (act, who, size) in enumerate(acts):
        viewer = node.watchers[who % len(node.watchers)]
        match act:
            case "publish":
                node.publish(frame(number, size))
            case "accept":
                node.accept(frame(number, size))
            case "words":
                node.accept(text_frame(number))
            case "own":
                node.accept(frame_for(viewer.id, number, size))
            case "work":
                node.settle()
            case "join" | "browse":
                node.join(together=together, advance=act == "browse")
            case "leave":
                viewer.leave()
            case "slow":
                viewer.prompt, viewer.capacity = False, size
            case "read":
                viewer.read()
    node.settle()
    clients = [each.client for each in node.watchers]
    figures = node.figures()
    assert figures.parts == sum(each.parts for each in clients)
    assert figures.bytes == sum(each.payload_bytes for each in clients)
    assert figures.skipped == sum(each.skipped for each in clients)
    return [
        (bytes(each.received), each.client.parts, each.client.skipped, each.client.payload_bytes)
        for each in node.watchers
    ]


@settings(deadline=None, max_examples=200)
@given(ACTS)
def test_rows_change_nothing_that_a_viewer_can_see(acts: list[Act]) -> None:
    assert play(acts, together=True) == play(acts, together=False)
