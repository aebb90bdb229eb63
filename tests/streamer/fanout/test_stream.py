"""A stream's status and figures."""

from __future__ import annotations

import pytest

from protocol import Overload, Status, StreamState
from tests.streamer.fanout.hub.node import Node
from tests.streamer.frames import frame, frame_for, stop, text_frame

SMALL = {"cam1": {"client_buffer_bytes": 4096}}


def test_a_stream_without_clients_is_grey() -> None:
    node = Node()
    node.publish(frame(1))
    assert node.figures().status is Status.GREY


def test_a_stream_of_which_all_is_delivered_is_blue() -> None:
    node = Node()
    node.join()
    assert node.figures().status is Status.BLUE
    node.publish(frame(1))
    assert node.figures().status is Status.BLUE


def test_a_stream_is_yellow_for_five_seconds_after_a_skipped_part() -> None:
    node = Node(SMALL)
    slow = node.join(capacity=0)
    node.publish(*(frame(number, 3000) for number in range(4)))
    assert node.figures().status is Status.YELLOW
    node.wait(4.9)
    assert node.figures().status is Status.YELLOW
    slow.read()
    node.wait(0.3)
    assert node.figures().status is Status.BLUE


def test_each_further_skipped_part_keeps_it_yellow() -> None:
    node = Node(SMALL)
    node.join(capacity=0)
    node.publish(*(frame(number, 3000) for number in range(4)))
    for number in range(4, 20):
        node.wait(3)
        node.publish(frame(number, 3000))
        assert node.figures().status is Status.YELLOW


def test_one_slow_client_among_many_is_enough_for_yellow() -> None:
    node = Node(SMALL)
    for _ in range(5):
        node.join()
    node.join(capacity=0)
    node.publish(*(frame(number, 3000) for number in range(4)))
    assert node.figures().status is Status.YELLOW


@pytest.mark.parametrize("overload", list(Overload))
def test_a_stream_whose_parts_are_larger_than_the_buffer_is_red(overload: Overload) -> None:
    node = Node({"cam1": {"client_buffer_bytes": 4096, "overload": overload}})
    node.join()
    node.publish(frame(1, 5000))
    assert node.figures().status is Status.RED
    node.publish(frame(2, 3000))
    assert node.figures().status is Status.BLUE


def test_red_goes_before_yellow() -> None:
    node = Node(SMALL)
    node.join(capacity=0)
    node.publish(*(frame(number, 5000) for number in range(4)))
    assert node.figures().status is Status.RED


def test_without_clients_grey_goes_before_red() -> None:
    node = Node(SMALL)
    node.join().leave()
    node.publish(frame(1, 5000))
    assert node.figures().status is Status.GREY


def test_targeted_parts_that_are_too_large_make_a_stream_red_too() -> None:
    node = Node(SMALL)
    viewer = node.join()
    node.publish(frame_for(viewer.id, 1, 5000))
    assert node.figures().status is Status.RED


def test_a_stop_leaves_nothing_too_large_behind() -> None:
    node = Node(SMALL)
    node.publish(frame(1, 5000), stop())
    node.join()
    assert node.figures().status is Status.BLUE


def test_the_figures_count_the_clients_that_have_left_too() -> None:
    node = Node(SMALL)
    first, slow = node.join(), node.join(capacity=0)
    node.publish(*(frame(number, 1000) for number in range(8)))
    slow.read()
    before = node.figures()
    first.leave()
    slow.leave()
    after = node.figures()
    assert (before.connections, after.connections) == (2, 0)
    assert after.parts == before.parts == first.client.parts + slow.client.parts
    assert after.skipped == before.skipped == slow.client.skipped > 0
    assert after.bytes == before.bytes == after.parts * 1000


def test_the_figures_count_frames_for_all_and_for_one() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1), frame(2), frame_for(viewer.id, 3))
    assert node.figures().frames == 3
    assert node.figures().parts == 3


def test_repeats_of_clients_that_have_left_are_kept() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1))
    node.wait(7)
    viewer.leave()
    assert node.figures().repeats == 2


def test_the_rate_is_that_of_the_last_seconds() -> None:
    node = Node()
    for number in range(100):
        node.publish(frame(number))
        node.wait(0.1)
    assert node.figures().fps == pytest.approx(10, rel=0.05)
    node.wait(6.2)
    assert node.figures().fps == 0


def test_a_stream_that_nobody_has_looked_at_yet_has_no_rate() -> None:
    node = Node()
    node.publish(frame(1))
    assert node.figures().fps == 0
    node.hub.upkeep.tick(node.now)
    assert node.figures().fps == 0


def test_the_age_is_that_of_the_last_frame_for_all() -> None:
    node = Node()
    viewer = node.join()
    assert node.figures().age is None
    node.publish(frame(1))
    node.now += 2.5
    node.publish(frame_for(viewer.id, 2))
    assert node.figures().age == 2.5
    node.publish(stop())
    assert node.figures().age is None


def test_the_type_is_that_of_the_last_frame() -> None:
    node = Node({"cam1": {"overload": "queue"}})
    node.join()
    assert node.figures().content_type is None
    node.publish(text_frame(1))
    assert node.figures().content_type == "text/plain"
    assert node.figures().overload is Overload.QUEUE


def test_a_heartbeat_shows_the_same_figures() -> None:
    node = Node()
    node.join()
    node.publish(frame(1))
    node.publish(frame(1, stream="cam2"))
    assert node.hub.streams.states(node.now) == {
        "cam1": StreamState(connections=1, status=Status.BLUE, parts=1, skipped=0, bytes=10),
        "cam2": StreamState(connections=0, status=Status.GREY, parts=0, skipped=0, bytes=0),
    }
