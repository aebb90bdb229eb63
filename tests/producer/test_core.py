"""Attempts that never wait, at a streamer made of raw sockets and with a clock of the test's."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from producer.channels import EVENTS_AT_ONCE, SHARED_HWM, TARGETED_HWM, Endpoints
from producer.core import ClientGone, Core
from producer.departures import SEARCH_S
from producer.joining import JOIN_TIMEOUT_S, SUBSCRIPTIONS_S
from producer.waiting import ANY_EVENT, EVERYTHING
from protocol import (
    AllClients,
    ClosedConnection,
    CloseReason,
    Frame,
    NewConnection,
    NoConnection,
    OneClient,
)
from tests.e2e.processes import eventually

from .fake_streamer import FakeStreamer

CAM1 = AllClients("cam1")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A core and a streamer, made to move together."""

    def __init__(self, streamer: FakeStreamer) -> None:
        self.streamer = streamer
        self.clock = Clock()
        self.core = Core(Endpoints(*streamer.addresses), self.clock)
        self.changes: set[str] = set()

    def look(self) -> None:
        self.streamer.look()
        self.changes |= self.core.look()

    def until(self, holds: Callable[[], object], what: str) -> None:
        def looked() -> bool:
            self.look()
            return bool(holds())

        eventually(looked, what)

    def join(self) -> None:
        self.until(self.core.joined, "a streamer")
        self.until(lambda: self.core.stop(OneClient("aaaa-1"), now=True), "all subscriptions")
        self.streamer.wait_for(1)
        self.streamer.messages.clear()

    def pass_time(self, seconds: float) -> None:
        """Lets time pass in looks so small that nobody seems to have been suspended."""
        for _ in range(int(seconds / 0.5)):
            self.clock.now += 0.5
            self.look()

    def follow(self, stream: str) -> None:
        self.core.watched(stream)
        self.streamer.wait_for_question(f"event/{stream}/")

    def has(self, client: str) -> None:
        self.until(lambda: self.core.audience.find(client), f"client {client}")

    def publish(self, body: bytes = b"a picture") -> bool | None:
        return self.core.publish(self.core.frame(CAM1, body, None, None, None))

    def publish_to(self, client: str, since: float = 1000.0) -> bool | None:
        frame = self.core.frame(OneClient(client), b"a picture", None, None, None)
        return self.core.publish_to(frame, client, since)


@pytest.fixture
def bench(streamer: FakeStreamer) -> Iterator[Bench]:
    bench = Bench(streamer)
    yield bench
    bench.core.close()


# Publishing to all.


def test_a_frame_carries_what_was_given_its_number_and_its_producer(bench: Bench) -> None:
    bench.join()
    for _ in range(2):
        frame = bench.core.frame(CAM1, b"body", "text/plain", {"X-A": "1"}, 17)
        assert bench.core.publish(frame)
    first, second = bench.streamer.wait_for(2)
    assert first.topic == "all/cam1/"
    assert first.body == b"body"
    assert first.header == {
        "content_type": "text/plain",
        "headers": {"X-A": "1"},
        "time": 17,
        "seq": 1,
        "producer": bench.core.id,
    }
    assert second.header["seq"] == 2


def test_a_first_frame_is_attempted_again_until_a_streamer_has_had_its_time(bench: Bench) -> None:
    assert bench.publish() is None
    bench.clock.now += JOIN_TIMEOUT_S
    assert bench.publish() is False


def test_where_others_are_subscribed_to_a_frame_waits_a_moment_only(
    bench: Bench,
) -> None:
    bench.streamer.unsubscribe("all/")
    bench.until(bench.core.joined, "a streamer")
    assert bench.publish() is None
    bench.clock.now += SUBSCRIPTIONS_S
    assert bench.publish() is False


def test_what_nobody_took_is_not_numbered(bench: Bench) -> None:
    bench.clock.now += JOIN_TIMEOUT_S
    for _ in range(3):
        assert bench.publish() is False
    bench.join()
    assert bench.publish() is True
    assert bench.streamer.wait_for(1)[0].header["seq"] == 1


def test_a_frame_behind_too_many_others_is_refused(streamer: FakeStreamer) -> None:
    bench = Bench(FakeStreamer(streamer.context, receive_hwm=1))
    bench.streamer.subscribe()
    bench.join()
    sent = 0
    while bench.publish(bytes(100_000)):
        sent += 1
        assert sent < 100 * SHARED_HWM
    assert sent >= SHARED_HWM
    messages = bench.streamer.wait_for(sent)
    assert [each.header["seq"] for each in messages] == list(range(1, sent + 1))
    bench.core.close()


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"xabcx")[1:4]])
def test_whatever_holds_bytes_is_a_body(bench: Bench, body: bytearray | memoryview) -> None:
    bench.join()
    assert bench.core.publish(bench.core.frame(CAM1, body, None, None, None))
    assert bench.streamer.wait_for(1)[0].body == b"abc"


@pytest.mark.parametrize("body", ["text", 5, None])
def test_a_body_that_is_not_bytes_is_refused_in_one_line(bench: Bench, body: object) -> None:
    with pytest.raises(TypeError, match=f"body is a {type(body).__name__}: allowed are bytes"):
        bench.core.frame(CAM1, body, None, None, None)  # type: ignore[arg-type]


def test_what_the_wire_does_not_allow_is_refused_before_anything_is_sent(bench: Bench) -> None:
    with pytest.raises(ValueError, match="content_type"):
        bench.core.frame(CAM1, b"", "nonsense", None, None)
    with pytest.raises(ValueError, match="header"):
        bench.core.frame(CAM1, b"", None, {"a b": "c"}, None)
    with pytest.raises(ValueError, match="time"):
        bench.core.frame(CAM1, b"", None, None, -1)


# Publishing to one.


def test_a_frame_for_one_client_waits_for_credit(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=2)
    bench.has(client)
    assert [bench.publish_to(client) for _ in range(3)] == [True, True, None]
    bench.changes.clear()
    bench.streamer.credit("clip", client, 1)
    bench.until(lambda: client in bench.changes, "the credit")
    assert [bench.publish_to(client) for _ in range(2)] == [True, None]
    topics = [each.topic for each in bench.streamer.wait_for(3)]
    assert topics == [f"one/{client}/"] * 3


def test_a_frame_for_one_client_waits_for_the_subscription_of_its_node(bench: Bench) -> None:
    bench.streamer.unsubscribe("one/aaaa-")
    bench.until(bench.core.joined, "a streamer")
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    bench.until(lambda: bench.publish_to(client) is None, "the subscription to end")
    bench.streamer.subscribe("one/aaaa-")
    bench.until(lambda: bench.publish_to(client), "the subscription")


def test_a_client_that_has_left_is_gone(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    assert bench.core.gone(client) is None
    bench.streamer.leave("clip", client)
    bench.until(lambda: bench.core.gone(client), "the client to leave")
    with pytest.raises(ClientGone):
        bench.publish_to(client)


def test_a_client_that_has_left_leaves_no_window_behind(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=2)
    bench.has(client)
    assert bench.publish_to(client)
    assert bench.core._window._flows
    bench.streamer.leave("clip", client)
    bench.until(lambda: bench.core.gone(client), "the client to leave")
    assert not bench.core._window._flows


def test_a_client_of_which_only_others_have_told_us_is_looked_for(bench: Bench) -> None:
    bench.join()
    assert bench.publish_to("aaaa-7") is None
    bench.streamer.wait_for_question("event/")
    bench.streamer.answer("clip", "aaaa-7", window=1)
    bench.has("aaaa-7")
    assert [bench.publish_to("aaaa-7") for _ in range(2)] == [True, None]


def test_a_client_that_no_node_has_is_gone_after_a_while(bench: Bench) -> None:
    bench.join()
    assert bench.publish_to("aaaa-7") is None
    bench.clock.now += SEARCH_S - 0.1
    assert bench.publish_to("aaaa-7") is None
    bench.clock.now += 0.1
    with pytest.raises(ClientGone, match="no node has it"):
        bench.publish_to("aaaa-7")
    # Each is looked for as long, though all nodes are followed by now.
    assert bench.publish_to("aaaa-8", since=bench.clock.now) is None


def test_a_targeted_frame_without_room_is_attempted_again_when_something_moves(
    streamer: FakeStreamer,
) -> None:
    bench = Bench(FakeStreamer(streamer.context, receive_hwm=1))
    bench.streamer.subscribe()
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    frame = bench.core.frame(OneClient(client), bytes(5_000), None, None, None)
    sent = 0
    while bench.core.publish_to(frame, client, 0.0):
        sent += 1
        assert sent < 100 * TARGETED_HWM
    assert EVERYTHING in bench.core.look()
    assert EVERYTHING not in bench.core.look()
    messages = bench.streamer.wait_for(sent)
    assert bench.core.publish_to(frame, client, 0.0)
    assert [each.header["seq"] for each in messages] == list(range(1, sent + 1))
    bench.core.close()


def test_what_was_under_way_when_the_link_broke_does_not_count_for_ever(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=1)
    bench.has(client)
    assert [bench.publish_to(client) for _ in range(2)] == [True, None]
    bench.streamer.unsubscribe("one/aaaa-")
    bench.streamer.unsubscribe("all/")
    targeted = bench.core._channels.targeted
    bench.until(lambda: not targeted.is_joined, "the link to break")
    bench.streamer.subscribe()
    bench.until(lambda: bench.publish_to(client), "the link to heal")


# Stops.


def test_a_stop_comes_behind_the_last_frame_that_was_sent(bench: Bench) -> None:
    bench.join()
    for _ in range(3):
        assert bench.publish()
    assert bench.core.stop(CAM1, now=False)
    stop = next(each for each in bench.streamer.wait_for(4) if "type" in each.header)
    assert stop.header == {"type": "stop", "seq": 3, "producer": bench.core.id}
    assert stop.body == b""


def test_a_stop_at_once_names_no_frame_and_neither_does_one_where_there_was_none(
    bench: Bench,
) -> None:
    bench.join()
    assert bench.core.stop(CAM1, now=False)
    assert bench.publish()
    assert bench.core.stop(CAM1, now=True)
    stops = [each for each in bench.streamer.wait_for(3) if "type" in each.header]
    assert [each.header for each in stops] == [{"type": "stop"}, {"type": "stop"}]


def test_a_stop_waits_for_a_streamer_as_a_first_frame_does(bench: Bench) -> None:
    assert bench.core.stop(CAM1, now=False) is None
    bench.clock.now += JOIN_TIMEOUT_S
    assert bench.core.stop(CAM1, now=False) is False


# The audience.


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


def test_a_frame_is_not_numbered_before_it_is_sent(bench: Bench) -> None:
    frame = bench.core.frame(CAM1, b"", None, None, None)
    assert frame == Frame(CAM1, b"")
