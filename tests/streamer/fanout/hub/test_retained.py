"""A frame that is sent once more reaches who has missed it, and nobody twice."""

from __future__ import annotations

from protocol import Message
from tests.streamer.fanout.hub.node import Node, numbered
from tests.streamer.frames import frame, stop


def again(number: int, producer: str | None = "p1") -> Message:
    return frame(number, seq=number, producer=producer, retained=True)


def test_who_has_missed_a_frame_gets_it_when_it_is_sent_once_more() -> None:
    node = Node()
    viewer = node.join()
    node.publish(again(7))
    assert viewer.numbers == [7]
    assert node.join().numbers == [7]
    assert node.figures().frames == 1


def test_who_has_had_it_gets_it_no_second_time_and_it_is_not_counted() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(6), numbered(7))
    node.publish(again(7), again(6))
    assert viewer.numbers == [6, 7]
    assert node.figures().frames == 2


def test_one_that_was_sent_once_more_is_not_taken_a_second_time() -> None:
    node = Node()
    viewer = node.join()
    node.publish(again(7), again(7), numbered(8))
    assert viewer.numbers == [7, 8]


def test_each_producer_counts_for_itself() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(7, "p1"), numbered(3, "p2"))
    node.publish(again(7, "p1"), again(3, "p2"), again(2, "p3"))
    assert viewer.numbers == [7, 3, 2]


def test_one_that_meets_a_stop_on_its_way_does_not_come_back() -> None:
    node = Node()
    node.join()
    node.publish(numbered(7), stop(7, "p1"), again(7))
    assert node.join().numbers == []


def test_one_without_a_number_or_a_producer_is_a_frame_like_all_others() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(1), frame(2, seq=1, retained=True), frame(3, retained=True))
    node.publish(frame(4, producer="p1", retained=True))
    assert viewer.numbers == [1, 2, 3, 4]


def test_a_frame_that_is_not_sent_once_more_is_never_taken_for_one() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(7), numbered(7), numbered(1))
    assert viewer.numbers == [7, 7, 1]


def test_a_stream_that_is_not_taken_any_more_forgets_its_last_frame_and_keeps_its_figures() -> None:
    node = Node()
    node.join().leave()
    node.publish(numbered(7))
    node.hub.streams.let_go("cam1")
    node.hub.streams.let_go("unknown")
    assert node.figures().frames == 1
    assert node.figures().age is None
    viewer = node.join()
    node.wait(3)
    assert viewer.numbers == []
    node.publish(again(7))
    assert viewer.numbers == [7]
