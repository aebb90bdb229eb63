"""How a frame for all gets to everybody who watches, in slices."""

from __future__ import annotations

import pytest

from protocol import AllClients, Frame, MalformedError, Refusal
from streamer.fanout.rows import SLICE_CLIENTS
from tests.streamer.frames import frame, jpeg

from .node import Node


def test_every_client_of_the_stream_gets_the_frame_and_nobody_else() -> None:
    node = Node()
    here, there = [node.join("cam1") for _ in range(3)], node.join("cam2")
    node.publish(frame(1))
    assert [each.numbers for each in here] == [[1], [1], [1]]
    assert there.numbers == []


def test_all_clients_are_sent_the_same_bytes() -> None:
    node = Node()
    first, second = node.join(), node.join()
    node.publish(frame(1, 5000), frame(2))
    assert first.received == second.received


def test_who_joins_gets_the_last_frame_at_once() -> None:
    node = Node()
    node.publish(frame(1), frame(2))
    assert node.join().numbers == [2]


def test_who_joins_before_the_first_frame_gets_it_when_it_comes() -> None:
    node = Node()
    viewer = node.join()
    assert viewer.numbers == []
    node.publish(frame(1))
    assert viewer.numbers == [1]


@pytest.mark.parametrize("settled", [False, True])
def test_nothing_older_than_the_last_frame_is_delivered_to_who_joins_later(settled: bool) -> None:
    node = Node()
    early = node.join()
    node.accept(frame(1), frame(2))
    if settled:
        node.settle()
    late = node.join()
    node.accept(frame(3))
    node.settle()
    assert early.numbers == [1, 2, 3]
    assert late.numbers == [2, 3]


def test_who_leaves_while_a_frame_is_carried_disturbs_nobody() -> None:
    node = Node()
    viewers = [node.join() for _ in range(3 * SLICE_CLIENTS)]
    node.accept(frame(1))
    node.hub.work()
    viewers[-1].leave()
    node.settle()
    assert all(each.numbers == [1] for each in viewers[:-1])


def test_a_fan_out_to_thousands_is_done_in_slices() -> None:
    node = Node()
    viewers = [node.join() for _ in range(5000)]
    node.accept(frame(1))
    served = 0
    slices = 0
    while node.hub.working:
        node.hub.work()
        now_served = sum(each.calls["write"] - 1 for each in viewers)
        assert now_served - served <= SLICE_CLIENTS
        served = now_served
        slices += 1
    assert served == 5000
    assert slices >= 5000 // SLICE_CLIENTS


@pytest.mark.parametrize("number", [2, 20])
def test_a_fan_out_of_frames_that_came_together_is_done_in_slices_too(number: int) -> None:
    node = Node()
    viewers = [node.join() for _ in range(5 * SLICE_CLIENTS)]
    node.accept(*(frame(each) for each in range(number)))
    written = 0
    while node.hub.working:
        node.hub.work()
        now_written = sum(each.calls["write"] - 1 for each in viewers)
        assert now_written - written <= SLICE_CLIENTS
        written = now_written
    assert written == len(viewers)
    assert all(each.numbers == list(range(number)) for each in viewers)


def test_frames_of_one_stream_that_come_together_are_joined_into_one_write() -> None:
    node = Node()
    viewer = node.join()
    viewer.calls.clear()
    node.accept(*(frame(number) for number in range(10)))
    node.settle()
    assert viewer.calls["write"] == 1
    assert viewer.numbers == list(range(10))


def test_only_as_much_is_joined_as_a_copy_is_worth() -> None:
    node = Node()
    viewer = node.join()
    viewer.calls.clear()
    node.accept(*(frame(number, 30_000) for number in range(6)))
    node.settle()
    assert viewer.calls["write"] == 3
    assert viewer.numbers == list(range(6))


def test_frames_of_other_streams_in_between_keep_their_order() -> None:
    node = Node()
    first, second = node.join("cam1"), node.join("cam2")
    node.accept(*(frame(number, stream=f"cam{1 + number % 2}") for number in range(10)))
    node.settle()
    assert first.numbers == [0, 2, 4, 6, 8]
    assert second.numbers == [1, 3, 5, 7, 9]


def test_a_frame_that_nobody_watches_makes_no_work() -> None:
    node = Node()
    node.accept(frame(1))
    assert not node.hub.working
    assert not node.hub.work()
    assert node.figures().frames == 1


def test_a_slow_client_disturbs_nobody() -> None:
    node = Node()
    stuck, healthy = node.join(capacity=0), node.join()
    node.publish(*(frame(number, 50_000) for number in range(50)))
    assert healthy.numbers == list(range(50))
    stuck.read()
    assert stuck.numbers[-1] == 49
    assert len(stuck.numbers) <= 6


def test_a_frame_that_is_refused_changes_nothing() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1))
    with pytest.raises(MalformedError) as caught:
        node.accept(Frame(AllClients("cam1"), b"no picture"))
    assert caught.value.reason is Refusal.BAD_IMAGE
    node.settle()
    assert viewer.numbers == [1]
    assert node.join().numbers == [1]
    assert node.figures().frames == 1


def test_a_frame_for_a_stream_that_is_not_allowed_is_refused() -> None:
    node = Node(allow=("cam*",))
    with pytest.raises(MalformedError) as caught:
        node.accept(frame(1, stream="garden"))
    assert caught.value.reason is Refusal.NOT_ALLOWED


def test_a_frame_for_one_stream_too_many_is_refused() -> None:
    node = Node(max_streams=1)
    node.accept(frame(1, stream="cam1"))
    with pytest.raises(MalformedError) as caught:
        node.accept(frame(1, stream="cam2"))
    assert caught.value.reason is Refusal.TOO_MANY_STREAMS
    assert "max_streams = 1" in str(caught.value)
    node.accept(frame(2, stream="cam1"))


def test_a_stream_has_the_type_and_part_headers_of_its_pattern() -> None:
    node = Node({"log*": {"content_type": "text/plain", "part_headers": {"X-Site": "gate"}}})
    viewer = node.join("log1")
    node.publish(Frame(AllClients("log1"), b"00000001"))
    (read,) = viewer.body.parts
    assert read.headers == {"Content-Type": "text/plain", "Content-Length": "8", "X-Site": "gate"}


def test_browsers_and_programs_watch_the_same_stream_each_in_its_form() -> None:
    node = Node()
    browser, program = node.join(advance=True), node.join()
    node.publish(frame(1), frame(2))
    node.accept(frame(3), frame(4))
    node.settle()
    assert browser.numbers == program.numbers == [1, 2, 3, 4]
    assert browser.body.rest == b"\r\nContent-Type: image/jpeg\r\n\r\n"
    assert jpeg(4) in bytes(browser.received)


@pytest.mark.parametrize(("viewers", "joined"), [(2, 1), (100, 5)])
def test_the_more_clients_share_a_copy_the_more_frames_are_joined(
    viewers: int, joined: int
) -> None:
    node = Node()
    watching = [node.join() for _ in range(viewers)]
    before = watching[0].calls["write"]
    node.accept(*(frame(number, 50_000) for number in range(5)))
    node.settle()
    assert watching[0].calls["write"] - before == 5 // joined
    assert watching[0].numbers == list(range(5))
