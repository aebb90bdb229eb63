"""Who comes and goes, and what is said of it."""

from __future__ import annotations

import pytest

from protocol import (
    ClosedConnection,
    CloseReason,
    MalformedError,
    NewConnection,
    NoConnection,
    Overload,
    Snapshot,
    Watcher,
    event_type,
)
from streamer.fanout.streams import LimitReachedError, UnknownStreamError
from tests.streamer.frames import frame, frame_for

from .node import Node


def test_a_viewer_that_comes_is_announced_with_its_query() -> None:
    node = Node()
    viewer = node.join(peer="10.0.0.9:1234", query={"from": "5"})
    assert node.events == [
        NewConnection(
            "cam1", viewer.id, 1, "10.0.0.9:1234", {"from": "5"}, Overload.LATEST, window=None
        )
    ]


def test_under_queue_a_viewer_is_announced_with_its_window() -> None:
    node = Node({"clip": {"overload": "queue", "window": 7}})
    node.join("clip")
    (opened,) = node.of(NewConnection)
    assert (opened.overload, opened.window) == (Overload.QUEUE, 7)


def test_a_viewer_is_announced_before_its_first_part() -> None:
    node = Node()
    node.publish(frame(1))
    written: list[int] = []
    node.on_event = lambda _: written.append(node.watchers[-1].calls["write"])
    assert node.join().numbers == [1]
    assert written == [0]


def test_client_ids_name_their_node_and_are_never_used_again() -> None:
    node = Node()
    ids = []
    for _ in range(5):
        viewer = node.join()
        ids.append(viewer.id)
        viewer.leave()
    ids.append(node.hub.new_client_id())
    assert len(set(ids)) == 6
    assert all(each.startswith("node-") for each in ids)


def test_connections_count_the_clients_of_that_stream() -> None:
    node = Node()
    first, _, _ = node.join("cam1"), node.join("cam1"), node.join("cam2")
    first.leave()
    counts = [
        (each.stream, each.connections)
        for each in node.events
        if isinstance(each, NewConnection | ClosedConnection)
    ]
    assert counts == [("cam1", 1), ("cam1", 2), ("cam2", 1), ("cam1", 1)]
    assert node.hub.connections == 2


def test_the_last_viewer_to_go_is_followed_by_no_connection() -> None:
    node = Node()
    first, second = node.join(), node.join()
    first.leave()
    assert node.of(NoConnection) == []
    second.leave()
    assert [event_type(each) for each in node.events] == [
        "new_connection",
        "new_connection",
        "closed_connection",
        "closed_connection",
        "no_connection",
    ]
    assert node.of(NoConnection) == [NoConnection("cam1", 0)]


def test_a_viewer_that_has_gone_is_described_by_its_figures() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1), frame(2, 1000))
    node.now += 2.5
    node.publish(frame_for(viewer.id, 3))
    viewer.leave()
    assert node.of(ClosedConnection) == [
        ClosedConnection(
            "cam1",
            viewer.id,
            connections=0,
            reason=CloseReason.CLIENT,
            duration=2.5,
            parts=3,
            bytes=1020,
            skipped=0,
            repeats=0,
        )
    ]


def test_a_viewer_goes_only_once() -> None:
    node = Node()
    viewer = node.join()
    viewer.leave()
    viewer.leave()
    assert len(node.of(ClosedConnection)) == len(node.of(NoConnection)) == 1


@pytest.mark.parametrize(
    "kept", [[], ["new_connection"], ["closed_connection"], ["no_connection", "new_connection"]]
)
def test_each_kind_of_event_can_be_switched_off(kept: list[str]) -> None:
    node = Node({"cam*": {"events": kept}})
    node.join().leave()
    assert {event_type(each) for each in node.events} == set(kept)


def test_events_of_other_streams_stay_on() -> None:
    node = Node({"quiet": {"events": []}})
    node.join("quiet").leave()
    node.join("cam1").leave()
    assert {each.stream for each in node.events} == {"cam1"}


def test_credit_is_given_whatever_events_are_switched_off() -> None:
    node = Node({"clip": {"overload": "queue", "events": []}})
    viewer = node.join("clip")
    node.publish(frame_for(viewer.id, 1))
    assert [event_type(each) for each in node.events] == ["credit"]


def test_a_snapshot_tells_who_watches() -> None:
    node = Node({"clip": {"overload": "queue", "window": 3}})
    first, second = node.join("clip", query={"n": "1"}), node.join("clip")
    node.publish(frame_for(second.id, 1))
    assert node.hub.streams.snapshot("clip") == Snapshot(
        "clip",
        2,
        (
            Watcher(first.id, {"n": "1"}, Overload.QUEUE, 3, 0),
            Watcher(second.id, {}, Overload.QUEUE, 3, 1),
        ),
    )
    assert node.hub.streams.watched() == ["clip"]


def test_a_snapshot_of_a_stream_that_nobody_watches_is_empty() -> None:
    node = Node()
    node.publish(frame(1))
    for name in ("cam1", "never"):
        assert node.hub.streams.snapshot(name) == Snapshot(name, 0, ())
    assert node.hub.streams.watched() == []


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "ä", "x" * 65, "cam1\n", "../x"])
def test_a_bad_name_names_no_stream(name: str) -> None:
    with pytest.raises(UnknownStreamError, match="no stream"):
        Node().hub.admit(name)


def test_a_stream_outside_the_allow_list_is_none() -> None:
    node = Node(allow=("cam*", "door"))
    node.join("cam7")
    node.join("door")
    with pytest.raises(UnknownStreamError, match="garden"):
        node.join("garden")


def test_beyond_max_clients_nobody_is_admitted_until_somebody_leaves() -> None:
    node = Node(max_clients=2)
    first = node.join("cam1")
    node.join("cam2")
    with pytest.raises(LimitReachedError, match="max_clients = 2"):
        node.join("cam1")
    first.leave()
    node.join("cam1")
    assert node.hub.connections == 2


def test_beyond_max_streams_only_known_ones_are_joined() -> None:
    node = Node(max_streams=2)
    node.join("cam1")
    node.publish(frame(1, stream="cam2"))
    with pytest.raises(LimitReachedError, match="max_streams = 2"):
        node.join("cam3")
    node.join("cam2")


def test_names_that_were_only_asked_for_keep_no_stream_out() -> None:
    node = Node(max_streams=3)
    node.hub.streams.configure(["door"])
    for number in range(10):
        node.join(f"mistyped{number}").leave()
    staying = node.join("cam1")
    node.publish(frame(1, stream="cam2"))
    assert list(node.hub.streams.statistics(node.now)) == ["door", "cam1", "cam2"]
    assert not staying.left
    with pytest.raises(MalformedError, match="max_streams = 3"):
        node.publish(frame(1, stream="cam3"))


def test_clients_that_are_refused_at_a_limit_are_counted() -> None:
    node = Node(max_clients=2, max_streams=1, allow=("cam*",))
    node.publish(frame(1))
    node.join("cam1")
    with pytest.raises(LimitReachedError, match="max_streams"):
        node.join("cam2")
    node.join("cam1")
    with pytest.raises(LimitReachedError, match="max_clients"):
        node.join("cam1")
    assert (node.hub.refused_clients, node.hub.max_clients) == (2, 2)


def test_who_asks_for_no_stream_or_at_the_end_is_refused_at_no_limit() -> None:
    node = Node(allow=("cam*",))
    with pytest.raises(UnknownStreamError):
        node.join("garden")
    node.hub.close()
    with pytest.raises(LimitReachedError):
        node.join("cam1")
    assert node.hub.refused_clients == 0


def test_a_client_that_is_refused_makes_no_stream_known() -> None:
    node = Node(max_clients=1)
    node.join("cam1")
    with pytest.raises(LimitReachedError):
        node.join("cam2")
    assert list(node.hub.streams.statistics(node.now)) == ["cam1"]


def test_a_shutdown_ends_every_client_in_good_order() -> None:
    node = Node()
    viewers = [node.join(stream) for stream in ("cam1", "cam1", "cam2")]
    node.publish(frame(1))
    node.hub.finish_all(CloseReason.SHUTDOWN)
    node.settle()
    assert all(each.body.closed for each in viewers)
    assert node.reasons() == [CloseReason.SHUTDOWN] * 3
    assert [each.stream for each in node.of(NoConnection)] == ["cam1", "cam2"]
    assert node.hub.connections == 0


def test_a_part_of_the_clients_can_be_ended_and_then_the_rest() -> None:
    node = Node()
    stuck = node.join(capacity=0)
    viewers = [node.join() for _ in range(9)]
    for left in (6, 3, 0):
        node.hub.finish_some(3, CloseReason.SHUTDOWN)
        node.settle()
        # The stuck one may be among those that were chosen; it is not chosen twice.
        assert sum(not each.left for each in viewers) in {left, left + 1}
    node.hub.finish_some(99, CloseReason.SHUTDOWN)
    node.settle()
    assert all(each.left for each in viewers)
    assert stuck.client.ending is CloseReason.SHUTDOWN
    assert node.hub.connections == 1


def test_who_does_not_end_is_cut_off() -> None:
    node = Node()
    stuck = node.join(capacity=0)
    node.hub.finish_all(CloseReason.SHUTDOWN)
    node.settle()
    assert not stuck.left
    node.hub.abort_all(CloseReason.SHUTDOWN)
    assert stuck.aborted
    assert node.reasons() == [CloseReason.SHUTDOWN]
    assert node.hub.connections == 0


def test_a_sweep_cuts_off_who_has_stalled_and_nobody_else() -> None:
    node = Node({"slow": {"stall_timeout_s": 60}})
    stuck, healthy, patient = node.join(capacity=0), node.join(), node.join("slow", 0)
    node.publish(frame(1), frame(1, stream="slow"))
    for _ in range(31):
        node.hub.upkeep.sweep(node.now)
        node.hub.upkeep.sweep(node.now)
        node.settle()
        node.now += 1
    assert stuck.aborted
    assert node.reasons() == [CloseReason.STALLED]
    assert not healthy.left
    assert not patient.left


def test_an_overflow_ends_the_client_and_nobody_else() -> None:
    node = Node({"clip": {"overload": "queue", "queue_bytes": 4096}})
    stuck, healthy = node.join("clip", 0), node.join("clip")
    node.publish(*(frame(number, 1000, stream="clip") for number in range(9)))
    assert node.reasons() == [CloseReason.OVERFLOW]
    assert stuck.aborted
    assert healthy.numbers == list(range(9))
