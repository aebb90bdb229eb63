"""A viewer of one picture: somebody who waits for a snapshot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol import CloseReason, Credit, Frame, MalformedError, NewConnection, OneClient
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch, Part
from streamer.fanout.snapshot import SnapshotViewer
from streamer.fanout.totals import Totals
from tests.streamer.fanout.hub.node import Node
from tests.streamer.frames import frame, frame_for, jpeg, no_part, part, stop


def waiting(
    node: Node | None = None, *, fresh: bool = True
) -> tuple[SnapshotViewer, list[Part | None]]:
    found: list[Part | None] = []
    viewer = SnapshotViewer(
        "node-99",
        "cam1",
        Limits(),
        Totals() if node is None else node.hub.streams.known("cam1").totals,
        peer="",
        query={"fresh": "1"},
        joined_at=0.0,
        fresh=fresh,
        on_end=found.append,
    )
    if node is not None:
        node.hub.add(viewer)
    return viewer, found


def test_it_takes_the_first_part_and_no_other() -> None:
    viewer, found = waiting()
    first = part(1)
    viewer.offer(first)
    viewer.offer(part(2))
    assert found == [first]
    assert (viewer.parts, viewer.payload_bytes, viewer.delivered, viewer.skipped) == (1, 10, 1, 0)


def test_of_parts_that_came_together_it_takes_the_newest() -> None:
    viewer, found = waiting()
    parts = [part(1), part(2), part(3)]
    viewer.offer(Batch(parts))
    assert found == [parts[2]]


def test_a_repeat_is_no_news() -> None:
    viewer, found = waiting()
    viewer.repeat(part(1), 5.0)
    assert found == []


def test_nothing_waits_for_it_so_it_never_stalls() -> None:
    viewer, _ = waiting()
    assert not viewer.stalled(1e9, 1.0)


def test_a_refused_part_is_counted_and_waited_past() -> None:
    viewer, found = waiting()
    viewer.refuse()
    assert viewer.skipped == 1
    assert found == []


def test_a_frame_of_its_own_that_is_refused_is_credited() -> None:
    node = Node({"clip": {"overload": "queue"}})
    stream = node.hub.streams.of("clip")
    viewer = SnapshotViewer(
        "node-99",
        "clip",
        stream.limits,
        stream.totals,
        peer="",
        query={},
        joined_at=0.0,
        fresh=True,
        on_end=lambda _: None,
        on_credit=node.hub.credits(stream, "node-99"),
    )
    node.hub.add(viewer)
    with pytest.raises(MalformedError):
        node.accept(Frame(OneClient("node-99"), b"no picture"))
    node.publish(replace(frame_for("node-99", 2), retained=True))
    assert node.of(Credit) == [Credit("clip", "node-99", 1), Credit("clip", "node-99", 2)]


@pytest.mark.parametrize("cut_off", [False, True])
def test_the_end_of_the_service_ends_the_wait(cut_off: bool) -> None:
    viewer, found = waiting()
    for _ in range(2):
        if cut_off:
            viewer.abort(CloseReason.SHUTDOWN)
        else:
            viewer.finish(CloseReason.SHUTDOWN, no_part)
    viewer.offer(part(1))
    assert found == [None]
    assert viewer.ending is CloseReason.SHUTDOWN


def test_an_end_behind_the_picture_says_nothing_more() -> None:
    viewer, found = waiting()
    viewer.offer(part(1))
    viewer.finish(CloseReason.STOP)
    viewer.finish(CloseReason.SHUTDOWN)
    assert len(found) == 1


def test_it_counts_as_a_client_so_that_a_producer_on_demand_learns_of_it() -> None:
    node = Node()
    viewer, found = waiting(node)
    assert node.of(NewConnection)[0].client == viewer.id
    node.publish(frame_for(viewer.id, 1))
    assert [each.payload for each in found if each] == [part(1).payload]


def test_a_frame_that_came_before_it_is_not_newer_than_the_request() -> None:
    node = Node()
    node.join()
    node.accept(frame(1))
    _, found = waiting(node)
    node.settle()
    node.wait(7)  # repeats included
    assert found == []
    node.publish(frame(2))
    assert [each.payload for each in found if each] == [part(2).payload]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_frame_that_was_kept_is_taken_where_no_fresh_one_is_asked_for(fresh: bool) -> None:
    node = Node()
    _, found = waiting(node, fresh=fresh)
    node.publish(frame(1, retained=True), frame(2))
    assert [each.payload for each in found if each] == [jpeg(2 if fresh else 1)]


def test_a_stop_of_the_stream_goes_on_with_the_wait_for_its_next_run() -> None:
    node = Node()
    _, found = waiting(node)
    node.publish(stop(), frame(1))
    assert [each.payload for each in found if each] == [jpeg(1)]
