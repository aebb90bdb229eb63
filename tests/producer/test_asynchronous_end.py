"""How an `AsyncProducer` ends, and where it does not belong."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from producer import AsyncProducer, ClientGone
from producer.channels import EVENTS_AT_ONCE
from producer.core import POLL_S
from tests.e2e.processes import PATIENCE_S

from .async_meeting import arrive, producing, question, until
from .fake_streamer import FakeStreamer


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


def test_a_client_that_has_not_heard_its_stop_hears_it_before_the_end(
    streamer: FakeStreamer,
) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            client = await arrive(streamer, producer)
            assert await until(streamer, producer.stop("clip"))
            await until(streamer, producer.close())
        stops = [each.topic for each in streamer.wait_for(2)]
        assert stops == ["all/clip/", f"one/{client.id}/"]

    asyncio.run(run())


def test_an_end_that_is_cut_short_is_an_end(streamer: FakeStreamer) -> None:
    async def run() -> None:
        async with producing(streamer) as producer:
            await arrive(streamer, producer)
            assert await until(streamer, producer.stop("clip"))
            closing = asyncio.create_task(producer.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            with pytest.raises(RuntimeError, match="the producer is closed"):
                await producer.publish("cam1", b"")

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


# Whatever happens.


def test_where_what_comes_cannot_be_taken_in_nobody_waits_for_ever(
    streamer: FakeStreamer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[object] = []

    def look() -> set[str]:
        raise MemoryError("no more")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, each: reported.append(each))
        async with producing(streamer) as producer:
            waiting = asyncio.create_task(producer.wait_for_clients("cam1"))
            await asyncio.sleep(0)
            monkeypatch.setattr(producer._core, "look", look)
            for work in (waiting, producer.publish("cam1", b"")):
                with pytest.raises(RuntimeError, match="has broken off") as caught:
                    await asyncio.wait_for(work, PATIENCE_S)
                assert isinstance(caught.value.__cause__, MemoryError)
            await producer.close()

    asyncio.run(run())
    assert len(reported) == 1


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
