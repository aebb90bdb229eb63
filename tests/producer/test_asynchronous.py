"""`AsyncProducer`: publishing, and the audience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from producer import (
    AsyncProducer,
    ClientGone,
    ClosedConnection,
    Credit,
    NewConnection,
    NoConnection,
    Overload,
)
from producer.channels import EVENTS_AT_ONCE
from tests.e2e.processes import PATIENCE_S

from .async_meeting import arrive, eventually, producing, question, until
from .fake_streamer import FakeStreamer

# Publishing.


def test_the_first_frame_waits_for_a_streamer_and_is_not_lost(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with AsyncProducer(*streamer.addresses) as producer:
            assert await until(streamer, producer.publish("cam1", b"the first"))
            await eventually(streamer, lambda: streamer.messages, "the frame")
        assert [each.body for each in streamer.messages] == [b"the first"]

    asyncio.run(run())


def test_a_frame_that_no_streamer_takes_is_not_waited_for(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            streamer.close()
            deadline = time.monotonic() + PATIENCE_S
            while await producer.publish("cam1", b"x"):
                assert time.monotonic() < deadline
            assert not await producer.wait_for_streamer(0)
            assert not await producer.stop("cam1")

    asyncio.run(run())


def test_a_frame_for_one_client_waits_until_it_can_take_it(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer, window=1)
            assert (client.id, client.stream, client.query) == ("aaaa-1", "clip", {"n": "1"})
            assert client.overload is Overload.QUEUE
            await client.publish(b"one")
            with pytest.raises(TimeoutError, match="takes nothing for"):
                await client.publish(b"two", timeout_s=0.05)
            task = asyncio.create_task(client.publish(b"three", content_type="text/plain"))
            await asyncio.sleep(0.05)
            assert not task.done()
            streamer.credit("clip", client.id, 1)
            await until(streamer, asyncio.wait_for(task, PATIENCE_S))
            await eventually(streamer, lambda: len(streamer.messages) == 2, "2 frames")
            assert [each.body for each in streamer.messages] == [b"one", b"three"]
            assert [each.header["seq"] for each in streamer.messages] == [1, 2]

    asyncio.run(run())


def test_credit_is_used_as_soon_as_it_comes(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer, window=1)
            began = time.monotonic()
            for number in range(1, 101):
                await client.publish(b"x")
                streamer.wait_for(number)
                streamer.credit("clip", client.id, number)
            # With safety polls alone it would take five seconds.
            assert time.monotonic() - began < 3

    asyncio.run(run())


def test_who_waits_for_a_client_learns_that_it_has_left(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer, window=1)
            assert not client.gone
            assert not await client.wait_until_gone(0.01)
            await client.publish(b"one")
            publishing = asyncio.create_task(client.publish(b"two"))
            waiting = asyncio.create_task(client.wait_until_gone())
            streamer.leave("clip", client.id)
            assert await until(streamer, asyncio.wait_for(waiting, PATIENCE_S)) is True
            with pytest.raises(ClientGone):
                await publishing
            assert client.gone

    asyncio.run(run())


def test_a_stop_comes_behind_the_frames_of_its_stream_or_client(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer)
            await client.publish(b"x")
            assert await producer.publish("cam1", b"x")
            assert await client.stop()
            assert await producer.stop("cam1")
            assert await producer.stop("cam1", now=True)
            await eventually(streamer, lambda: len(streamer.messages) == 5, "5 messages")
        stops = [each for each in streamer.messages if "type" in each.header]
        assert [(each.topic, each.header.get("seq")) for each in stops] == [
            ("one/aaaa-1/", 1),
            ("all/cam1/", 1),
            ("all/cam1/", None),
        ]

    asyncio.run(run())


def test_what_the_wire_does_not_allow_is_refused_in_one_line(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            refused: list[Callable[[], Awaitable[object]]] = [
                lambda: producer.publish("no/name", b""),
                lambda: producer.publish_to("nobody", b""),
                lambda: producer.stop("no/name"),
                lambda: producer.stop_client("nobody"),
                lambda: producer.wait_for_clients("no/name"),
            ]
            for verb in refused:
                with pytest.raises(ValueError, match="allowed"):
                    await verb()
            for ask in (producer.connections, producer.clients, producer.events):
                with pytest.raises(ValueError, match="allowed"):
                    ask("no/name")

    asyncio.run(run())


# The audience.


def test_a_loop_waits_while_nobody_watches_and_runs_while_somebody_does(
    streamer: FakeStreamer,
) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            assert await producer.wait_for_clients("cam1", timeout_s=0.05) == 0
            task = asyncio.create_task(producer.wait_for_clients("cam1"))
            await question(streamer, "event/cam1/")
            client = streamer.join("cam1")
            assert await until(streamer, asyncio.wait_for(task, PATIENCE_S)) == 1
            assert producer.connections("cam1") == 1
            streamer.leave("cam1", client)
            await eventually(streamer, lambda: not producer.connections("cam1"), "nobody")
            assert await producer.wait_for_clients("cam1", timeout_s=0) == 0

    asyncio.run(run())


def test_events_are_followed_from_the_call_on_and_not_from_the_first_look(
    streamer: FakeStreamer,
) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            events = producer.events("cam1")
            everything = producer.events()
            await question(streamer, "event/")
            streamer.leave("cam1", streamer.join("cam1"))
            for each in (events, everything):
                kinds = [type(await anext(each)) for _ in range(3)]
                assert kinds == [NewConnection, ClosedConnection, NoConnection]
            await events.aclose()
            assert [each async for each in events] == []

    asyncio.run(run())


def test_a_flood_of_events_is_followed_without_a_pause(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            events = producer.events("cam1")
            await question(streamer, "event/cam1/")
            number = 20 * EVENTS_AT_ONCE
            for count in range(number):
                streamer.credit("cam1", "aaaa-1", count)
            streamer.pause(0.2)
            began = time.monotonic()
            seen = [await anext(events) for _ in range(number)]
            # One batch at each safety poll would take two seconds.
            assert time.monotonic() - began < 1.5
            assert seen == [Credit("cam1", "aaaa-1", count) for count in range(number)]

    asyncio.run(run())
