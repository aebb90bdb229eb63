"""`AsyncProducer` in many tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from producer import NewConnection
from tests.e2e.processes import PATIENCE_S

from .async_meeting import eventually, producing, question, until
from .fake_streamer import FakeStreamer


def test_a_loop_that_never_has_to_wait_holds_up_nobody(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            producer.clients("cam1")
            await question(streamer, "event/cam1/")
            streamer.join("cam1")
            published = 0

            async def publish() -> None:
                nonlocal published
                while await producer.wait_for_clients("cam1"):
                    published += await producer.publish("cam1", b"x")

            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await publish()
            assert published > 0

    asyncio.run(run())


def test_events_that_wait_are_handed_out_many_to_a_turn_and_others_have_theirs(
    streamer: FakeStreamer,
) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            events = producer.events("cam1")
            await question(streamer, "event/cam1/")
            for number in range(2000):
                streamer.join("cam1", number)
            await eventually(streamer, lambda: producer.connections("cam1") == 2000, "all of them")
            turns = 0

            async def other() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            task = asyncio.create_task(other())
            for _ in range(2000):
                await anext(events)
            task.cancel()
            assert 5 <= turns <= 100

    asyncio.run(run())


def test_each_task_waits_for_its_own_client(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            clients = producer.clients("clip")
            await question(streamer, "event/clip/")
            for number in range(10):
                streamer.join("clip", number, window=1)
            fed = [await anext(clients) for _ in range(10)]
            for client in fed:
                await client.publish(b"one")
            tasks = [asyncio.create_task(client.publish(b"two")) for client in fed]
            for client, task in reversed(list(zip(fed, tasks, strict=True))):
                assert not task.done()
                streamer.credit("clip", client.id, 1)
                await eventually(streamer, task.done, "the frame to be sent")

    asyncio.run(run())


def test_a_wait_that_is_cancelled_loses_nothing(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            events, clients = producer.events("clip"), producer.clients("clip")
            for _ in range(3):
                for coming in (events, clients):
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(anext(coming), 0.02)
            await question(streamer, "event/clip/")
            streamer.join("clip", window=1)
            client = await anext(clients)
            assert isinstance(await anext(events), NewConnection)
            await client.publish(b"one")
            task = asyncio.create_task(client.publish(b"cancelled"))
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.wait([task])
            streamer.credit("clip", client.id, 1)
            await until(streamer, client.publish(b"two"))
            await eventually(streamer, lambda: len(streamer.messages) == 2, "2 frames")
            assert [each.body for each in streamer.messages] == [b"one", b"two"]
            assert not producer._driver._waiting._waiters

    asyncio.run(run())


def test_an_iteration_that_is_closed_ends_for_who_waits_in_another_task(
    streamer: FakeStreamer,
) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            for coming in (producer.events("cam1"), producer.clients("cam1")):
                waiting = [asyncio.create_task(_all(coming)) for _ in range(2)]
                await asyncio.sleep(0.02)
                await coming.aclose()
                await coming.aclose()
                assert await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_S) == [[], []]
            assert not producer._driver._waiting._waiters

    asyncio.run(run())


async def _all(coming: AsyncIterator[object]) -> list[object]:
    return [each async for each in coming]


def test_a_timeout_of_somebody_else_is_not_taken_for_our_own(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await producer.wait_for_clients("cam1", timeout_s=PATIENCE_S)

            def attempt() -> bool:
                raise TimeoutError("of the attempt")

            with pytest.raises(TimeoutError, match="of the attempt"):
                await producer._driver.until(attempt, PATIENCE_S)

    asyncio.run(run())
