"""Frames for one client alone."""

from __future__ import annotations

import pytest

from protocol import Credit, Frame, MalformedError, OneClient
from streamer.fanout.rows import SLICE_CLIENTS
from tests.streamer.frames import frame, frame_for, stop_for

from .node import Node


def test_a_targeted_frame_reaches_its_client_and_nobody_else() -> None:
    node = Node()
    first, second = node.join(), node.join()
    node.publish(frame_for(first.id, 1))
    assert first.numbers == [1]
    assert second.numbers == []


def test_a_targeted_frame_is_no_last_frame() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame_for(viewer.id, 1))
    assert node.hub.streams.last("cam1") is None
    assert node.join().numbers == []


def test_a_targeted_frame_has_the_type_and_headers_of_its_stream() -> None:
    node = Node({"log*": {"content_type": "text/plain", "part_headers": {"X-Site": "gate"}}})
    viewer = node.join("log1")
    node.publish(Frame(OneClient(viewer.id), b"00000001"))
    (read,) = viewer.body.parts
    assert read.headers == {"Content-Type": "text/plain", "Content-Length": "8", "X-Site": "gate"}


def test_targeted_frames_keep_their_place_behind_frames_for_all() -> None:
    node = Node()
    viewers = [node.join() for _ in range(2 * SLICE_CLIENTS)]
    last = viewers[-1]
    node.accept(
        frame(1),
        frame_for(last.id, 2),
        frame_for(last.id, 3),
        frame(4),
        frame(5),
        frame_for(last.id, 6),
    )
    node.settle()
    assert last.numbers == [1, 2, 3, 4, 5, 6]
    assert viewers[0].numbers == [1, 4, 5]


def test_a_targeted_stop_keeps_its_place_behind_frames_for_all() -> None:
    node = Node()
    viewer, other = node.join(), node.join()
    node.accept(frame(1), stop_for(viewer.id), frame(2))
    node.settle()
    assert viewer.numbers == [1]
    assert viewer.body.closed
    assert other.numbers == [1, 2]


def test_a_frame_for_a_client_that_has_left_is_counted() -> None:
    node = Node()
    viewer = node.join()
    viewer.leave()
    node.publish(frame_for(viewer.id, 1), frame_for("node-999", 1))
    assert node.hub.undeliverable == 2


def test_a_frame_for_a_client_that_leaves_while_it_waits_is_counted() -> None:
    node = Node()
    viewer = node.join()
    node.accept(frame(1), frame_for(viewer.id, 2))
    viewer.leave()
    node.settle()
    assert node.hub.undeliverable == 1


def test_a_stop_for_a_client_that_has_left_is_no_frame() -> None:
    node = Node()
    viewer = node.join()
    viewer.leave()
    node.publish(stop_for(viewer.id))
    assert node.hub.undeliverable == 0


def test_under_queue_each_delivered_frame_is_credited() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1), frame_for(viewer.id, 2))
    assert node.of(Credit) == [Credit("clip", viewer.id, 1), Credit("clip", viewer.id, 2)]


def test_under_latest_nothing_is_credited() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame_for(viewer.id, 1))
    assert node.of(Credit) == []


def test_a_frame_that_is_refused_is_credited_or_its_producer_would_wait_for_ever() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient(viewer.id), b"no picture"))
    assert node.of(Credit) == [Credit("clip", viewer.id, 1)]
    assert node.figures("clip").skipped == 1


def test_a_frame_that_could_not_be_read_is_credited_to_the_client_it_names() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    for topic in (f"one/{viewer.id}/", "one/node-999/", "one/node-", "all/clip/", "nonsense"):
        node.hub.refuse(topic.encode())
    assert node.of(Credit) == [Credit("clip", viewer.id, 1)]


@pytest.mark.parametrize("producer", [None, "p1"])
def test_a_frame_that_was_lost_on_the_way_is_credited_when_a_later_one_comes(
    producer: str | None,
) -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1, seq=1, producer=producer))
    node.publish(frame_for(viewer.id, 4, seq=4, producer=producer))
    assert [each.delivered for each in node.of(Credit)] == [1, 2, 3, 4]
    assert node.figures("clip").skipped == 2
    assert viewer.numbers == [1, 4]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([("p1", 7), ("p1", 8)], id="begins elsewhere"),
        pytest.param([("p1", 1), ("p2", 9), ("p1", 2)], id="another producer"),
        pytest.param([("p1", 5), ("p1", 5), ("p1", 4), ("p1", 5)], id="twice and late"),
        pytest.param([("p1", 1), ("p1", 35)], id="wider than two windows"),
        pytest.param([("p1", 1), ("p1", None), ("p1", 2)], id="not numbered"),
    ],
)
def test_numbers_that_say_nothing_of_a_loss_credit_nothing(
    numbers: list[tuple[str, int | None]],
) -> None:
    node = Node({"clip": {"overload": "queue", "window": 16}})
    viewer = node.join("clip")
    for producer, seq in numbers:
        node.publish(frame_for(viewer.id, seq=seq, producer=producer))
    assert node.of(Credit)[-1].delivered == len(numbers)
    assert node.figures("clip").skipped == 0


def test_a_frame_that_was_refused_is_credited_once() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1, seq=1))
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient(viewer.id), b"no picture", seq=2))
    node.hub.refuse(f"one/{viewer.id}/".encode())
    node.publish(frame_for(viewer.id, 4, seq=4))
    assert [each.delivered for each in node.of(Credit)] == [1, 2, 3, 4]


def test_a_first_frame_that_was_refused_hides_no_later_loss() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient(viewer.id), b"no picture", seq=1))
    node.publish(frame_for(viewer.id, 2, seq=2), frame_for(viewer.id, 4, seq=4))
    assert [each.delivered for each in node.of(Credit)] == [1, 2, 3, 4]


def test_a_frame_that_was_refused_is_credited_once_also_between_those_of_others() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1, seq=1, producer="p1"))
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient(viewer.id), b"no picture", seq=2, producer="p1"))
    node.publish(frame_for(viewer.id, 3, seq=9, producer="p2"))
    node.publish(frame_for(viewer.id, 4, seq=3, producer="p1"))
    assert [each.delivered for each in node.of(Credit)] == [1, 2, 3, 4]


def test_a_refusal_counts_behind_the_frames_that_came_before_it() -> None:
    node = Node({"clip": {"overload": "queue"}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1, seq=1))
    node.accept(frame(1, stream="clip"))  # what is for one client waits behind it
    node.accept(frame_for(viewer.id, 2, seq=2))
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient(viewer.id), b"no picture", seq=3))
    node.accept(frame_for(viewer.id, 5, seq=5))
    node.settle()
    assert node.of(Credit)[-1].delivered == 6  # five of its own, and the one for all


def test_under_latest_a_gap_in_the_numbers_means_nothing() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame_for(viewer.id, 1, seq=1), frame_for(viewer.id, 9, seq=9))
    assert node.figures("cam1").skipped == 0


def test_a_producer_that_keeps_to_the_credit_never_overflows_a_slow_client() -> None:
    node = Node({"clip": {"overload": "queue", "queue_bytes": 4096, "window": 4}})
    viewer = node.join("clip", 600)
    sent = 0
    for _ in range(5000):
        delivered = max([each.delivered for each in node.of(Credit)], default=0)
        if sent - delivered < 4 and sent < 100:
            node.publish(frame_for(viewer.id, sent, 5000))
            sent += 1
        else:
            viewer.acknowledge(500)
            viewer.report_room(viewer.client)
    viewer.read()
    assert viewer.numbers == list(range(100))
    assert not viewer.left


def test_several_clients_have_frames_of_their_own_each_at_its_own_pace() -> None:
    node = Node({"clip": {"overload": "queue"}})
    slow, quick = node.join("clip", 50), node.join("clip")
    for number in range(5):
        node.publish(frame_for(slow.id, number), frame_for(quick.id, 100 + number))
    assert quick.numbers == [100, 101, 102, 103, 104]
    slow.read()
    assert slow.numbers == [0, 1, 2, 3, 4]
