"""A stop for one client ends it and nobody else, at once or behind the frame it names."""

from __future__ import annotations

import pytest

from protocol import CloseReason, Message
from tests.streamer.frames import frame, frame_for, stop, stop_for

from .node import Node, ended, numbered


def test_a_stop_for_one_client_ends_it_and_nobody_else() -> None:
    node = Node()
    viewer, other = node.join(), node.join()
    node.publish(frame(1), stop_for(viewer.id), frame(2))
    assert ended(viewer)
    assert viewer.numbers == [1]
    assert other.numbers == [1, 2]
    assert node.reasons() == [CloseReason.STOP]


def test_a_stop_for_one_client_leaves_the_last_frame() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1), stop_for(viewer.id))
    assert node.join().numbers == [1]


def test_a_stop_for_one_client_drops_what_waits_for_it() -> None:
    node = Node({"clip": {"overload": "queue"}})
    slow = node.join("clip", 150)
    node.publish(*(frame_for(slow.id, number) for number in range(1, 4)), stop_for(slow.id))
    slow.read()
    assert slow.numbers == [1]
    assert ended(slow)


def test_a_stop_for_one_client_behind_its_frame_delivers_all_up_to_it() -> None:
    node = Node({"clip": {"overload": "queue"}})
    slow = node.join("clip", 150)
    node.publish(*(frame_for(slow.id, number, seq=number) for number in range(3)))
    node.publish(stop_for(slow.id, 2))
    slow.read()
    assert slow.numbers == [0, 1, 2]
    assert ended(slow)


@pytest.mark.parametrize("together", [False, True])
def test_a_stop_for_one_client_that_overtakes_its_frame_waits_for_it(together: bool) -> None:
    node = Node()
    viewer = node.join()
    messages: list[Message] = [
        frame(7),
        stop_for(viewer.id, 1, "p1"),
        *(frame_for(viewer.id, number, seq=number, producer="p1") for number in range(3)),
    ]
    if together:
        node.accept(*messages)
        node.settle()
    else:
        node.publish(*messages)
    assert viewer.numbers == [7, 0, 1]
    assert ended(viewer)


def test_a_frame_beyond_the_one_that_a_stop_for_one_waits_for_ends_it_too() -> None:
    node = Node()
    viewer = node.join()
    node.publish(stop_for(viewer.id, 1, "p1"), frame_for(viewer.id, 2, seq=2, producer="p1"))
    assert viewer.numbers == []
    assert ended(viewer)


def test_a_stop_for_one_client_whose_frame_never_comes_takes_effect_a_second_later() -> None:
    node = Node()
    viewer, other = node.join(), node.join()
    node.publish(stop_for(viewer.id, 5))
    node.wait(0.9)
    assert not viewer.left
    node.wait(0.2)
    assert ended(viewer)
    assert not other.left


def test_a_stop_for_one_counts_the_frames_of_its_own_topic() -> None:
    node = Node()
    viewer = node.join()
    node.publish(numbered(5, "p1"), stop_for(viewer.id, 5, "p1"))
    assert not viewer.left
    node.publish(frame_for(viewer.id, 50, seq=5, producer="p1"))
    assert ended(viewer)


def test_a_stop_for_one_client_twice_is_harmless() -> None:
    node = Node()
    viewer = node.join()
    node.publish(stop_for(viewer.id), stop_for(viewer.id), stop_for(viewer.id, 3))
    node.wait(2)
    assert ended(viewer)
    assert node.reasons() == [CloseReason.STOP]


def test_a_client_that_leaves_while_a_stop_waits_is_no_matter() -> None:
    node = Node()
    viewer = node.join()
    node.publish(stop_for(viewer.id, 5))
    viewer.leave()
    node.wait(2)
    assert node.reasons() == [CloseReason.CLIENT]


@pytest.mark.parametrize("later", [None, 1, 101])
def test_of_several_stops_for_one_client_the_first_ends_it(later: int | None) -> None:
    node = Node()
    viewer, other = node.join(), node.join()
    first = frame_for(viewer.id, 1, seq=1, producer="p1")
    node.publish(first, stop_for(viewer.id, 100, "p1"), stop_for(viewer.id, later, "p1"))
    node.wait(2)
    node.publish(frame(2))
    assert ended(viewer)
    assert other.numbers == [2]
    assert node.reasons() == [CloseReason.STOP]


def test_a_stop_for_one_client_that_is_ending_takes_nothing_that_the_first_lets_it_have() -> None:
    node = Node({"clip": {"overload": "queue"}})
    slow = node.join("clip", 150)
    for number in (1, 2, 3):
        node.publish(frame(number, seq=number, producer="p1", stream="clip"))
    node.publish(stop(3, "p1", stream="clip"), stop_for(slow.id, 3, "p1"))
    node.wait(2.0)
    slow.read()
    assert slow.numbers == [1, 2, 3]
    assert ended(slow)


def test_a_stop_for_one_client_that_has_not_heard_the_first_ends_what_it_watches() -> None:
    node = Node({"clip": {"overload": "queue"}})
    slow = node.join("clip", 150)
    for number in (1, 2, 3):
        node.publish(frame(number, seq=number, producer="p1", stream="clip"))
    node.publish(stop_for(slow.id, 2, "p1"))
    node.wait(0.9)
    assert slow.client.ending is None
    node.wait(0.2)
    slow.read()
    assert slow.numbers == [1, 2]
    assert ended(slow)
