"""What a core knows of the audience, and when it asks."""

from __future__ import annotations

import gc

import pytest

from producer.channels import EVENTS_AT_ONCE
from producer.waiting import ANY_EVENT
from protocol import ClosedConnection, CloseReason, NewConnection, NoConnection
from tests.e2e.processes import eventually

from .core_bench import Bench


def test_who_watches_is_counted_from_the_first_question_on(bench: Bench) -> None:
    bench.follow("cam1")
    assert bench.core.watched("cam1") is None
    bench.streamer.answer("cam1", "aaaa-1", "aaaa-2")
    bench.until(lambda: bench.core.watched("cam1") == 2, "2 clients")
    assert "cam1" in bench.changes


def test_a_heartbeat_changes_the_streams_in_it(bench: Bench) -> None:
    bench.streamer.wait_for_question("node/")
    bench.streamer.join("cam1")
    bench.streamer.beat()
    bench.until(lambda: "cam1" in bench.changes, "the heartbeat")
    assert ANY_EVENT in bench.changes
    assert "cam2" not in bench.changes


def test_a_snapshot_changes_its_stream_though_nobody_came_or_went(bench: Bench) -> None:
    bench.follow("cam1")
    bench.streamer.answer("cam1")
    bench.until(lambda: "cam1" in bench.changes, "the snapshot")
    assert ANY_EVENT not in bench.changes


def test_a_stream_in_doubt_is_asked_for_if_it_is_followed(bench: Bench) -> None:
    bench.follow("cam1")
    bench.streamer.join("cam1", 1)
    bench.streamer.join("cam2", 1)
    bench.streamer.forget("event/cam1/")
    bench.streamer.join("cam1", 2)
    bench.streamer.beat()
    bench.until(lambda: bench.core.watched("cam1") == 2, "the clients")
    bench.pass_time(1.0)
    bench.streamer.wait_for_question("event/cam1/", 2)
    bench.core.follow(None)
    bench.pass_time(1.0)
    bench.streamer.wait_for_question("event/cam2/")


def test_the_clients_of_a_node_that_falls_silent_are_lost(bench: Bench) -> None:
    follower = bench.core.follow("cam1")
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.join("cam1")
    bench.streamer.beat(interval=1.0)
    bench.until(lambda: bench.core.watched("cam1"), "a client")
    bench.pass_time(4.0)
    assert bench.core.watched("cam1") is None
    opened, closed, nobody = follower.next(), follower.next(), follower.next()
    assert isinstance(opened, NewConnection)
    assert isinstance(closed, ClosedConnection)
    assert closed.reason is CloseReason.LOST
    assert nobody == NoConnection("cam1")


def test_the_clients_of_a_node_that_dies_before_its_first_heartbeat_are_lost(
    bench: Bench,
) -> None:
    bench.join()
    bench.follow("cam1")
    bench.streamer.join("cam1")
    bench.has("aaaa-1")
    bench.streamer.close()
    targeted = bench.core._channels.targeted
    eventually(lambda: (bench.core.look(), not targeted.is_joined)[1], "the connection to end")
    for _ in range(8):
        bench.clock.now += 0.5
        bench.core.look()
    assert bench.core.gone("aaaa-1")


def test_nobody_is_silent_whose_words_still_wait(bench: Bench) -> None:
    bench.follow("cam1")
    bench.streamer.join("cam1")
    bench.streamer.beat(interval=1.0)
    bench.until(lambda: bench.core.watched("cam1"), "a client")
    bench.pass_time(2.5)
    bench.streamer.node = "bbbb"
    for _ in range(EVENTS_AT_ONCE):
        bench.streamer.beat()
    bench.streamer.node = "aaaa"
    bench.streamer.credit("cam1", "aaaa-1", 7)
    bench.streamer.pause(0.3)
    bench.clock.now += 0.9
    bench.core.look()
    assert bench.core.has_more
    assert bench.core.gone("aaaa-1") is None
    bench.core.look()
    assert not bench.core.has_more
    watcher = bench.core.audience.find("aaaa-1")
    assert watcher is not None
    assert watcher.delivered == 7


def test_who_begins_to_follow_gets_those_who_are_there_first(bench: Bench) -> None:
    bench.follow("cam1")
    bench.streamer.answer("cam1", "aaaa-1", "aaaa-2")
    bench.has("aaaa-2")
    for follower in (bench.core.follow("cam1"), bench.core.follow(None)):
        opened = [follower.next(), follower.next()]
        assert [getattr(each, "client", None) for each in opened] == ["aaaa-1", "aaaa-2"]
    arrivals = bench.core.arrivals("cam1")
    first = arrivals.next()
    assert first is not None
    assert first.client == "aaaa-1"
    assert bench.core.arrivals("cam2").next() is None


def test_a_follower_that_is_dropped_takes_nothing_any_more(bench: Bench) -> None:
    follower = bench.core.follow("cam1")
    assert len(bench.core._followers) == 1
    del follower
    gc.collect()
    assert len(bench.core._followers) == 0


def test_a_name_that_is_none_is_refused(bench: Bench) -> None:
    for verb in (bench.core.follow, bench.core.arrivals, bench.core.watched):
        with pytest.raises(ValueError, match="bad stream name"):
            verb("no/name")
