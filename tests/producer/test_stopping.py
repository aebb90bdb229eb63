"""Whom a stop means is ended, also where the stop is lost on its way to a node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from producer.stopping import ANSWERED_WITHIN_S, ENDED_WITHIN_S
from protocol import OneClient

from .core_bench import CAM1, Bench
from .fake_streamer import FakeStreamer, Message


@pytest.fixture
def bench(streamer: FakeStreamer) -> Iterator[Bench]:
    bench = Bench(streamer)
    bench.streamer.subscribe()
    bench.join()
    yield bench
    bench.core.close()


def _watched(bench: Bench, number: int) -> list[str]:
    """Publishes a frame to so many clients."""
    assert bench.publish()
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.answer("cam1")
    clients = [bench.streamer.join("cam1", each) for each in range(1, number + 1)]
    bench.has(clients[-1])
    return clients


def _own_stops(bench: Bench) -> list[Message]:
    """Returns the stops for single clients that were sent up to now."""
    last = "one/aaaa-999/"
    assert bench.core.stop(OneClient("aaaa-999"), now=True)
    messages = bench.streamer.messages
    bench.until(lambda: last in [each.topic for each in messages], "the last stop")
    found = [each for each in messages if each.topic.startswith("one/") and each.topic != last]
    messages.clear()
    return found


def test_a_client_that_was_not_ended_gets_a_stop_of_its_own(bench: Bench) -> None:
    first, second = _watched(bench, 2)
    assert bench.core.stop(CAM1, now=False)
    bench.streamer.leave("cam1", first)
    bench.until(lambda: bench.core.gone(first), "one to end")
    bench.pass_time(ENDED_WITHIN_S - 0.5)
    assert not bench.core.stopped()
    assert _own_stops(bench) == []
    bench.pass_time(1.0)
    assert bench.core.stopped()
    bench.pass_time(5.0)
    (own,) = _own_stops(bench)
    assert own.topic == f"one/{second}/"
    assert own.header == {"type": "stop", "seq": 1, "producer": bench.core.id}


def test_where_all_were_ended_nothing_more_is_sent(bench: Bench) -> None:
    clients = _watched(bench, 2)
    assert bench.core.stop(CAM1, now=False)
    for each in clients:
        bench.streamer.leave("cam1", each)
    bench.until(bench.core.stopped, "all to end")
    bench.pass_time(5.0)
    assert _own_stops(bench) == []


def test_who_came_behind_the_stop_is_not_meant(bench: Bench) -> None:
    (first,) = _watched(bench, 1)
    assert bench.core.stop(CAM1, now=False)
    bench.streamer.leave("cam1", first)
    late = bench.streamer.join("cam1", 7)
    bench.has(late)
    bench.pass_time(5.0)
    assert _own_stops(bench) == []


def test_what_is_to_end_at_once_names_no_frame_for_one_client_either(bench: Bench) -> None:
    _watched(bench, 1)
    assert bench.core.stop(CAM1, now=True)
    bench.pass_time(5.0)
    assert [each.header for each in _own_stops(bench)] == [{"type": "stop"}]


def test_a_second_stop_takes_the_place_of_the_first(bench: Bench) -> None:
    _watched(bench, 1)
    assert bench.core.stop(CAM1, now=False)
    bench.pass_time(1.0)
    assert bench.publish()
    assert bench.core.stop(CAM1, now=False)
    bench.pass_time(1.0)
    assert _own_stops(bench) == []
    bench.pass_time(5.0)
    assert [each.header["seq"] for each in _own_stops(bench)] == [2]


def test_a_stop_waits_until_every_node_has_said_who_watches(bench: Bench) -> None:
    bench.streamer.subscribe("one/bbbb-")
    bench.until(lambda: len(bench.core._channels.nodes) == 2, "both nodes")
    assert bench.core.stop(CAM1, now=False) is None
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.answer("cam1", "aaaa-1")
    bench.has("aaaa-1")
    assert bench.core.stop(CAM1, now=False) is None
    bench.streamer.node = "bbbb"
    bench.streamer.answer("cam1", "bbbb-1")
    bench.has("bbbb-1")
    assert bench.core.stop(CAM1, now=False) is True
    bench.pass_time(5.0)
    assert {each.topic for each in _own_stops(bench)} == {"one/aaaa-1/", "one/bbbb-1/"}


def test_a_stop_does_not_wait_for_long_for_a_node_that_says_nothing(bench: Bench) -> None:
    assert bench.core.stop(CAM1, now=False) is None
    bench.clock.now += ANSWERED_WITHIN_S
    assert bench.core.stop(CAM1, now=False) is True


def test_a_stop_for_one_client_is_sent_once(bench: Bench) -> None:
    first, _ = _watched(bench, 2)
    assert bench.core.stop(OneClient(first), now=False)
    assert bench.core.stopped()
    bench.pass_time(5.0)
    assert [each.topic for each in _own_stops(bench)] == [f"one/{first}/"]
