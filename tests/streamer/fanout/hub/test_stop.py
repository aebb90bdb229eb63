"""A stop for all ends a stream, at once or behind the frame it names."""

from __future__ import annotations

import pytest

from protocol import ClosedConnection, CloseReason
from tests.streamer.frames import frame, stop

from .node import Node, ended, numbered

# For all, at once.


def test_a_stop_ends_the_stream_for_every_client_of_it() -> None:
    node = Node()
    first, second, other = node.join(), node.join(), node.join("cam2")
    node.publish(frame(1), stop())
    assert ended(first, second)
    assert first.numbers == [1]
    assert not other.left
    assert node.reasons() == [CloseReason.STOP] * 2


def test_a_stop_at_once_lets_the_part_under_way_end_and_drops_what_waits() -> None:
    node = Node()
    slow = node.join(capacity=150)
    node.publish(frame(1), frame(2), frame(3), stop())
    assert not slow.left
    slow.read()
    assert ended(slow)
    assert slow.numbers == [1]


def test_a_stop_is_behind_the_frames_that_came_before_it() -> None:
    node = Node()
    viewer = node.join()
    node.accept(frame(1), frame(2), stop())
    node.settle()
    assert viewer.numbers == [1, 2]
    assert ended(viewer)


def test_a_stop_forgets_the_last_frame() -> None:
    node = Node()
    node.publish(frame(1), stop())
    assert node.hub.streams.last("cam1") is None
    later = node.join()
    node.wait(10)
    assert later.numbers == []
    node.publish(frame(2))
    assert later.numbers == [2]


def test_a_stop_of_a_stream_that_nobody_knows_is_no_matter() -> None:
    node = Node()
    node.publish(stop())
    node.wait(2)
    assert node.hub.streams.statistics(node.now) == {}


def test_a_stop_that_has_overtaken_the_first_frames_waits_for_them() -> None:
    node = Node()
    node.publish(stop(2, "p1"), numbered(1), numbered(2))
    assert node.hub.streams.last("cam1") is None


def test_a_stop_twice_is_harmless() -> None:
    node = Node()
    viewer, slow = node.join(), node.join(capacity=150)
    node.publish(frame(1), stop(), stop())
    slow.read()
    assert ended(viewer, slow)
    assert node.reasons() == [CloseReason.STOP] * 2


def test_a_client_that_joins_after_a_stop_stays() -> None:
    node = Node()
    node.join()
    node.accept(stop())
    later = node.join()
    node.settle()
    assert not later.left


# For all, behind a frame.


def test_a_stop_behind_a_frame_that_has_come_ends_the_stream_with_it() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), numbered(2), stop(2, "p1"))
    assert viewer.numbers == [1, 2]
    assert ended(viewer)


def test_a_stop_that_overtakes_its_frame_waits_for_it() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), stop(3, "p1"), numbered(2))
    assert not viewer.left
    node.publish(numbered(3))
    assert viewer.numbers == [1, 2, 3]
    assert ended(viewer)


def test_frames_behind_the_stop_are_for_who_comes_later() -> None:
    node = Node()
    viewer = node.join()
    node.accept(stop(2, "p1"), numbered(1), numbered(2), numbered(3))
    node.settle()
    assert viewer.numbers == [1, 2]
    assert ended(viewer)
    assert node.join().numbers == [3]


def test_a_frame_beyond_the_one_that_a_stop_waits_for_ends_the_stream_before_it() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), stop(2, "p1"), numbered(3))
    assert viewer.numbers == [1]
    assert ended(viewer)
    assert node.join().numbers == [3]


def test_under_latest_a_slow_client_still_gets_the_newest_up_to_the_stop() -> None:
    node = Node()
    slow = node.join(capacity=150)
    node.publish(*(numbered(number, size=100_000) for number in range(1, 9)), stop(8, "p1"))
    slow.read()
    assert slow.numbers[-1] == 8
    assert ended(slow)


def test_under_queue_a_slow_client_still_gets_everything_up_to_the_stop() -> None:
    node = Node({"cam1": {"overload": "queue"}})
    slow = node.join(capacity=150)
    node.publish(stop(8, "p1"), *(numbered(number, size=9000) for number in range(1, 9)))
    slow.read()
    assert slow.numbers == list(range(1, 9))
    assert ended(slow)


def test_a_stop_whose_frame_never_comes_takes_effect_a_second_later() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), stop(5, "p1"))
    node.wait(0.9)
    assert not viewer.left
    node.wait(0.2)
    assert ended(viewer)
    assert viewer.numbers == [1]
    assert node.hub.streams.last("cam1") is None


def test_a_stop_that_waits_and_is_sent_again_waits_no_longer() -> None:
    node = Node()
    viewer = node.join()
    node.publish(stop(5, "p1"))
    for _ in range(3):
        node.wait(0.4)
        node.publish(stop(5, "p1"))
    assert ended(viewer)


@pytest.mark.parametrize("waiting", [(2, 4), (4, 2)])
def test_of_two_stops_that_wait_the_nearer_ends_the_stream(waiting: tuple[int, int]) -> None:
    node = Node()
    viewer = node.join()
    node.publish(*(stop(seq, "p1") for seq in waiting))
    node.publish(*(numbered(number) for number in range(1, 5)))
    assert viewer.numbers == [1, 2]
    assert ended(viewer)


def test_of_two_stops_that_wait_the_further_ends_what_was_published_in_between() -> None:
    node = Node()
    node.publish(stop(2, "p1"), stop(4, "p1"), numbered(1), numbered(2))
    later = node.join()
    node.publish(numbered(3), numbered(4))
    assert later.numbers == [3, 4]
    assert ended(later)
    assert node.hub.streams.last("cam1") is None


def test_a_flood_of_stops_that_wait_is_bounded_and_the_first_still_count() -> None:
    node = Node()
    viewer = node.join()
    node.publish(*(stop(seq, "p1") for seq in range(2, 10_000)), numbered(1), numbered(2))
    assert viewer.numbers == [1, 2]
    assert ended(viewer)


def test_a_stop_at_once_goes_before_one_that_waits() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), stop(5, "p1"), stop())
    assert ended(viewer)
    later = node.join()
    node.wait(2)
    assert not later.left


def test_a_stop_that_has_taken_effect_waits_for_nothing_any_more() -> None:
    node = Node()
    node.join()
    node.publish(stop(2, "p1"), numbered(1), numbered(2))
    later = node.join()
    node.wait(2)
    node.publish(numbered(3))
    assert not later.left
    assert later.numbers == [3]


def test_the_numbers_of_another_producer_mean_nothing_to_a_stop() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(9, "p1"), stop(2, "p2"), numbered(10, "p1"))
    assert not viewer.left
    node.publish(numbered(1, "p2"), numbered(2, "p2"))
    assert ended(viewer)
    assert viewer.numbers == [9, 10, 1, 2]


def test_a_producer_that_started_again_counts_from_the_beginning() -> None:
    node = Node()
    viewer = node.join()
    node.publish(*(numbered(number, "p1") for number in range(1, 100)))
    node.publish(numbered(0, "p2"), stop(1, "p2"))
    assert not viewer.left
    node.publish(numbered(1, "p2"))
    assert ended(viewer)


def test_a_stop_that_names_no_producer_means_any() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1, "p1"), stop(2))
    assert not viewer.left
    node.publish(numbered(2, "p1"))
    assert ended(viewer)


def test_frames_without_a_number_reach_no_stop() -> None:
    node = Node()
    viewer = node.join()
    node.publish(stop(1), frame(1), frame(2))
    assert not viewer.left
    node.wait(1.1)
    assert ended(viewer)
    assert viewer.numbers == [1, 2]


def test_of_many_producers_those_that_spoke_last_are_remembered() -> None:
    node = Node()
    viewer = node.join()
    for number in range(1000):
        node.publish(numbered(number, f"p{number}"))
    node.publish(stop(999, "p999"))
    assert ended(viewer)


def test_who_comes_while_a_stop_waits_for_a_frame_that_never_comes_stays() -> None:
    node = Node()
    before = node.join()
    node.publish(stop(99, "p1"))
    node.wait(0.4)
    later = node.join()
    node.publish(numbered(1, "p2"))
    node.wait(2)
    assert ended(before)
    assert not later.left
    assert node.hub.streams.last("cam1") is not None


def test_a_producer_without_an_id_may_count_afresh_after_a_stop() -> None:
    node = Node()
    for _ in range(3):
        viewer = node.join()
        node.publish(stop(1, None), numbered(1, None))
        assert viewer.numbers == [1]
        assert ended(viewer)


@pytest.mark.parametrize("overload", ["latest", "queue"])
def test_a_stop_that_comes_late_cuts_what_still_waits_behind_its_frame(overload: str) -> None:
    node = Node({"cam1": {"overload": overload}})
    viewer = node.join(capacity=150)
    node.publish(*(numbered(number, "p1") for number in range(1, 7)), stop(4, "p1"))
    viewer.read()
    assert viewer.numbers == [1, 2, 3, 4]
    assert ended(viewer)
    last = node.hub.streams.last("cam1")
    assert last is not None
    assert last.seq == 6


@pytest.mark.parametrize(("last", "shown"), [(6, 6), (5, 5), (4, 4), (3, 3), (0, None)])
def test_a_late_stop_gives_a_slow_client_the_newest_part_up_to_its_frame(
    last: int, shown: int | None
) -> None:
    node = Node()
    slow = node.join(capacity=150)
    parts = [numbered(number, size=300_000) for number in range(1, 7)]
    node.publish(numbered(0), *parts, stop(last, "p1"))
    slow.read()
    assert slow.numbers == ([0] if shown is None else [0, shown])
    assert ended(slow)
    assert slow.client.parts + slow.client.skipped == 7


def test_who_leaves_before_a_stop_reaches_it_is_counted_no_more() -> None:
    node = Node()
    slow = node.join(capacity=150)
    node.publish(*(numbered(number, size=300_000) for number in range(1, 4)))
    node.accept(stop())
    slow.leave()
    node.settle()
    (closed,) = node.of(ClosedConnection)
    assert node.figures().skipped == closed.skipped


# Sent again.


@pytest.mark.parametrize("producer", ["p1", None])
def test_a_stop_sent_again_ends_nobody_who_came_after_it(producer: str | None) -> None:
    node = Node()
    node.join()
    node.publish(numbered(1), numbered(2), stop(2, producer), stop(2, producer))
    node.wait(0.1)
    later = node.join()
    node.publish(numbered(3), numbered(4))
    assert later.numbers == [3, 4]
    node.wait(2)
    assert not later.left


def test_a_stop_sent_again_ends_nobody_who_is_shown_the_same_numbers_anew() -> None:
    node = Node()
    node.join()
    node.publish(numbered(1), numbered(2), stop(2, "p1"), stop(2, "p1"))
    node.wait(0.1)
    later = node.join()
    node.publish(numbered(1), numbered(2), numbered(3))
    assert not later.left
    assert later.numbers == [1, 2, 3]


@pytest.mark.parametrize("producer", ["p1", None])
def test_a_stop_sent_again_behind_later_frames_ends_nobody(producer: str | None) -> None:
    node = Node()
    node.join()
    node.publish(numbered(1), numbered(2), stop(2, producer))
    later = node.join()
    node.publish(numbered(3), stop(2, producer), stop(1, producer))
    node.wait(2)
    assert not later.left
    assert node.hub.streams.last("cam1") is not None
    node.publish(stop(3, producer))
    assert ended(later)


def test_a_producer_that_counts_anew_may_stop_at_the_same_number_again() -> None:
    node = Node()
    for _ in range(3):
        viewer = node.join()
        node.publish(numbered(1), numbered(2), stop(2, "p1"))
        assert ended(viewer)


def test_a_stop_for_who_is_there_now_ends_them_though_nothing_was_published_since() -> None:
    node = Node()
    node.publish(numbered(1), numbered(2), stop(2, "p1"))
    viewer = node.join()
    node.wait(0.1)
    node.publish(stop(2, "p1"))
    node.wait(1.1)
    assert ended(viewer)


def test_of_many_producers_the_last_that_stopped_are_remembered() -> None:
    node = Node()
    for number in range(100):
        node.publish(numbered(1, f"p{number}"), stop(1, f"p{number}"))
    viewer = node.join()
    node.publish(numbered(2, "p99"), stop(1, "p99"))
    assert not viewer.left
