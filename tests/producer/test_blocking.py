"""`Producer`: publishing, and the audience."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from producer import (
    ClientGone,
    ClosedConnection,
    Credit,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Overload,
    Producer,
)
from producer.channels import EVENTS_AT_ONCE
from tests.e2e.processes import PATIENCE_S, eventually

from .fake_streamer import Context, FakeStreamer, bound_again
from .meeting import arrive, ends, join

# Publishing.


def test_the_first_frame_waits_for_a_streamer_and_is_not_lost(
    context: Context, threads: ThreadPoolExecutor
) -> None:
    later = FakeStreamer(context)
    addresses = later.addresses
    later.close()
    with Producer(*addresses) as producer:
        task = threads.submit(producer.publish, "cam1", b"the first")
        time.sleep(0.3)
        assert not task.done()
        streamer = bound_again(context, addresses)
        assert ends(task, streamer) is True
        assert [each.body for each in streamer.wait_for(1)] == [b"the first"]


def test_a_frame_that_no_streamer_takes_is_not_waited_for(
    producer: Producer, streamer: FakeStreamer
) -> None:
    streamer.close()
    eventually(lambda: not producer.publish("cam1", b"x"), "the streamer to be missed")
    began = time.monotonic()
    for _ in range(100):
        assert producer.publish("cam1", b"x") is False
    assert time.monotonic() - began < 1


def test_publishing_to_all_never_waits_for_a_streamer_that_does_not_read(
    context: Context,
) -> None:
    streamer = FakeStreamer(context, receive_hwm=1)
    streamer.subscribe()
    with Producer(*streamer.addresses) as producer:
        join(producer, streamer)
        began = time.monotonic()
        sent = [producer.publish("cam1", bytes(50_000)) for _ in range(3000)]
        assert time.monotonic() - began < PATIENCE_S / 2
        assert sent[0] is True
        assert sent[-1] is False
        streamer.wait_for(sum(sent))


def test_a_frame_for_one_client_waits_until_it_can_take_it(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer, window=1)
    assert (client.id, client.stream, client.query) == ("aaaa-1", "clip", {"n": "1"})
    assert client.overload is Overload.QUEUE
    client.publish(b"one")
    task = threads.submit(client.publish, b"two", content_type="text/plain", time_ns=5)
    streamer.wait_for(1)
    streamer.pause(0.2)
    assert not task.done()
    assert len(streamer.messages) == 1
    streamer.credit("clip", client.id, 1)
    ends(task, streamer)
    second = streamer.wait_for(2)[1]
    assert second.body == b"two"
    assert second.header["content_type"] == "text/plain"
    assert second.header["time"] == 5


def test_credit_is_used_as_soon_as_it_comes(producer: Producer, streamer: FakeStreamer) -> None:
    client = arrive(streamer, producer, window=1)
    began = time.monotonic()
    for number in range(1, 101):
        client.publish(b"x")
        streamer.wait_for(number)
        streamer.credit("clip", client.id, number)
    # With safety polls alone it would take five seconds.
    assert time.monotonic() - began < 3


def test_a_frame_that_could_not_be_sent_in_time_is_not_sent(
    producer: Producer, streamer: FakeStreamer
) -> None:
    client = arrive(streamer, producer, window=1)
    client.publish(b"one")
    with pytest.raises(TimeoutError, match=r"client aaaa-1 takes nothing for 0\.1 s"):
        client.publish(b"two", timeout_s=0.1)
    streamer.credit("clip", client.id, 1)
    client.publish(b"three", timeout_s=PATIENCE_S)
    assert not producer._driver._waiting._waiters
    assert [each.body for each in streamer.wait_for(2)] == [b"one", b"three"]
    assert [each.header["seq"] for each in streamer.messages] == [1, 2]


def test_who_waits_for_a_client_learns_that_it_has_left(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer, window=1)
    assert not client.gone
    assert not producer.is_gone(client.id)
    assert not client.wait_until_gone(0.01)
    client.publish(b"one")
    publishing = threads.submit(client.publish, b"two")
    waiting = threads.submit(client.wait_until_gone)
    streamer.pause(0.1)
    streamer.leave("clip", client.id)
    with pytest.raises(ClientGone) as caught:
        ends(publishing, streamer)
    assert caught.value.client == client.id
    assert ends(waiting, streamer) is True
    assert client.gone
    assert producer.is_gone(client.id)


def test_a_stop_comes_behind_the_frames_of_its_stream_or_client(
    producer: Producer, streamer: FakeStreamer
) -> None:
    client = arrive(streamer, producer)
    for _ in range(2):
        client.publish(b"x")
        assert producer.publish("cam1", b"x")
    assert client.stop()
    assert producer.stop("cam1")
    assert producer.stop("cam1", now=True)
    stops = [each for each in streamer.wait_for(7) if "type" in each.header]
    assert [(each.topic, each.header.get("seq")) for each in stops] == [
        ("one/aaaa-1/", 2),
        ("all/cam1/", 2),
        ("all/cam1/", None),
    ]


def test_what_the_wire_does_not_allow_is_refused_in_one_line(producer: Producer) -> None:
    refused: list[Callable[[], object]] = [
        lambda: producer.publish("no/name", b""),
        lambda: producer.publish("cam1", b"", content_type="nonsense"),
        lambda: producer.publish_to("nobody", b""),
        lambda: producer.stop("no/name"),
        lambda: producer.stop_client("nobody"),
        lambda: producer.wait_for_clients("no/name"),
        lambda: producer.connections("no/name"),
        lambda: producer.clients("no/name"),
        lambda: producer.events("no/name"),
    ]
    for verb in refused:
        with pytest.raises(ValueError, match="allowed") as caught:
            verb()
        assert "\n" not in str(caught.value)


# The audience.


def test_a_loop_waits_while_nobody_watches_and_runs_while_somebody_does(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    assert producer.wait_for_clients("cam1", timeout_s=0.05) == 0
    task = threads.submit(producer.wait_for_clients, "cam1")
    streamer.wait_for_question("event/cam1/")
    client = streamer.join("cam1")
    assert ends(task, streamer) == 1
    assert producer.wait_for_clients("cam1") == producer.connections("cam1") == 1
    streamer.leave("cam1", client)
    eventually(lambda: producer.connections("cam1") == 0, "nobody to watch")
    assert producer.wait_for_clients("cam1", timeout_s=0) == 0


def test_a_producer_that_starts_late_knows_everybody_at_once(
    producer: Producer, streamer: FakeStreamer
) -> None:
    clients = producer.clients("cam1")
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    streamer.answer("cam1", "aaaa-1", "aaaa-2")
    assert [next(clients).id, next(clients).id] == ["aaaa-1", "aaaa-2"]
    opened = [next(events), next(events)]
    assert all(isinstance(each, NewConnection) for each in opened)


def test_events_are_followed_from_the_call_on_and_not_from_the_first_look(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    streamer.leave("cam1", streamer.join("cam1"))
    streamer.join("cam1", 2)
    eventually(lambda: producer.connections("cam1") == 1, "all of it")
    kinds = [type(next(events)) for _ in range(4)]
    assert kinds == [NewConnection, ClosedConnection, NoConnection, NewConnection]


def test_a_flood_of_events_is_followed_without_a_pause(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    number = 20 * EVENTS_AT_ONCE
    for count in range(number):
        streamer.credit("cam1", "aaaa-1", count)
    streamer.look()
    began = time.monotonic()
    assert [next(events) for _ in range(number)][-1] == Credit("cam1", "aaaa-1", number - 1)
    # One batch at each safety poll would take two seconds.
    assert time.monotonic() - began < 1.5


def test_events_of_all_streams_include_those_of_the_nodes(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events()
    streamer.wait_for_question("event/")
    streamer.join("cam1")
    streamer.beat(interval=7.0)
    streamer.goodbye()
    came, beat, closed, nobody, end = (next(events) for _ in range(5))
    assert isinstance(came, NewConnection)
    assert isinstance(beat, Heartbeat)
    assert (beat.node, beat.interval) == ("aaaa", 7.0)
    assert isinstance(closed, ClosedConnection)
    assert (nobody, end) == (NoConnection("cam1"), Goodbye("aaaa"))


def test_an_iteration_that_is_closed_ends(producer: Producer) -> None:
    events = producer.events()
    events.close()
    assert list(events) == []
