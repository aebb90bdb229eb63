"""`AsyncProducer`, at a streamer made of raw sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from producer import (
    AsyncClient,
    AsyncProducer,
    ClientGone,
    ClosedConnection,
    Credit,
    NewConnection,
    NoConnection,
    Overload,
)
from producer.channels import EVENTS_AT_ONCE
from producer.core import POLL_S
from tests.e2e.processes import PATIENCE_S

from .fake_streamer import FakeStreamer


async def eventually(streamer: FakeStreamer, holds: Callable[[], object], what: str) -> None:
    """Waits until something holds, the streamer and the event loop being kept moving."""
    deadline = time.monotonic() + PATIENCE_S
    while streamer.look() is None or not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.005)


async def until(streamer: FakeStreamer, work: Coroutine[Any, Any, object]) -> object:
    """Returns what a coroutine returns, the streamer being kept moving meanwhile."""
    task = asyncio.ensure_future(work)
    await eventually(streamer, task.done, "the work to be done")
    return task.result()


@asynccontextmanager
async def producing(streamer: FakeStreamer) -> AsyncIterator[AsyncProducer]:
    """A producer that knows that the streamer takes everything."""
    async with AsyncProducer(*streamer.addresses) as producer:
        assert await until(streamer, producer.wait_for_streamer())
        while not await until(streamer, producer.stop_client("aaaa-9")):
            pass
        await eventually(streamer, lambda: streamer.messages, "the stop")
        streamer.messages.clear()
        yield producer


async def question(streamer: FakeStreamer, topic: str) -> None:
    asked = b"\1" + topic.encode()
    await eventually(streamer, lambda: asked in streamer.asked, f"a subscription to {topic}")


async def arrive(
    streamer: FakeStreamer, producer: AsyncProducer, *, window: int | None = None
) -> AsyncClient:
    """Lets a client come to `clip`."""
    clients = producer.clients("clip")
    await question(streamer, "event/clip/")
    streamer.join("clip", window=window)
    return await anext(clients)


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


# Tasks.


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


# The end.


def test_closing_ends_what_waits_in_other_tasks(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer, window=1)
            await client.publish(b"one")
            waiting = [
                asyncio.create_task(producer.wait_for_clients("cam1")),
                asyncio.create_task(_all(producer.clients("cam1"))),
                asyncio.create_task(_all(producer.events("cam1"))),
                asyncio.create_task(client.wait_until_gone()),
            ]
            publishing = asyncio.create_task(client.publish(b"two"))
            await asyncio.sleep(0.1)
            assert not any(task.done() for task in (*waiting, publishing))
            await producer.close()
            assert await asyncio.gather(*waiting) == [0, [], [], True]
            with pytest.raises(ClientGone, match="the producer is closed"):
                await publishing

    asyncio.run(run())


async def _all(coming: AsyncIterator[object]) -> list[object]:
    return [each async for each in coming]


def test_a_closed_producer_says_so(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer)
            await producer.close()
            await producer.close()
            refused: list[Callable[[], Awaitable[object]]] = [
                lambda: producer.publish("cam1", b""),
                lambda: producer.stop("cam1"),
                lambda: producer.stop_client("aaaa-1"),
            ]
            for verb in refused:
                with pytest.raises(RuntimeError, match="the producer is closed"):
                    await verb()
            for ask in (producer.connections, producer.clients, producer.events):
                with pytest.raises(RuntimeError, match="the producer is closed"):
                    ask("cam1")
            with pytest.raises(ClientGone, match="the producer is closed"):
                await client.publish(b"")
            assert client.gone
            assert await producer.wait_for_clients("cam1") == 0
            assert await producer.wait_for_streamer() is False

    asyncio.run(run())


def test_what_is_still_taken_in_does_not_outlive_the_producer(streamer: FakeStreamer) -> None:
    problems: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, each: problems.append(each))
        async with producing(streamer) as producer:
            producer.events("cam1")
            await question(streamer, "event/cam1/")
            for count in range(4 * EVENTS_AT_ONCE):
                streamer.credit("cam1", "aaaa-1", count)
            streamer.pause(0.2)
            producer._driver._look()
            assert producer._core.has_more
            await producer.close()
            await asyncio.sleep(2 * POLL_S)

    asyncio.run(run())
    assert problems == []


def test_what_was_published_leaves_before_the_end(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            for _ in range(50):
                assert await producer.publish("cam1", bytes(10_000))

    asyncio.run(run())
    assert len(streamer.wait_for(50)) == 50


def test_a_script_that_closes_nothing_ends(streamer: FakeStreamer) -> None:
    script = (
        "import asyncio, sys\n"
        "from producer import AsyncProducer\n"
        "async def run():\n"
        "    producer = AsyncProducer(*sys.argv[1:])\n"
        "    print(await producer.wait_for_clients('cam1', 0.1))\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", script, *streamer.addresses]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


# Where it does not belong.


def test_without_an_event_loop_nothing_is_opened() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncProducer()
    gc.collect()  # a socket that is left open would be a ResourceWarning


def test_an_endpoint_that_is_none_is_refused() -> None:
    async def run() -> None:
        with pytest.raises(ValueError, match="allowed is a ZeroMQ endpoint"):
            AsyncProducer("nowhere")

    asyncio.run(run())


def test_on_another_event_loop_it_is_refused(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:

            def elsewhere() -> None:
                asyncio.run(producer.wait_for_streamer(0))

            with pytest.raises(RuntimeError, match="on the event loop that it was made on"):
                await asyncio.to_thread(elsewhere)

    asyncio.run(run())


def test_in_a_process_that_was_forked_off_it_is_refused(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            child = os.fork()
            if child == 0:
                os._exit(await _refused(producer))
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert status == 0
            assert await producer.publish("cam1", b"the parent goes on")

    asyncio.run(run())
    assert streamer.wait_for(1)[0].body == b"the parent goes on"


async def _refused(producer: AsyncProducer) -> int:
    """Returns 0 where every verb is refused."""
    await producer.close()
    accepted = 3
    for verb in (producer.publish("cam1", b""), producer.wait_for_clients("cam1")):
        try:
            await verb
        except RuntimeError as error:
            accepted -= "does not survive fork" in str(error)
    try:
        producer.connections("cam1")
    except RuntimeError as error:
        accepted -= "does not survive fork" in str(error)
    return accepted
