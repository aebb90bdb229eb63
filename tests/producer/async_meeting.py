"""How an `AsyncProducer` and a streamer made of raw sockets come together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from producer import AsyncClient, AsyncProducer
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
