"""`AsyncProducer`: the same verbs for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from producer.blocking import POLL_S
from producer.channels import Endpoints
from producer.core import Core
from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    AllClients,
    Event,
    OneClient,
    Overload,
    Watcher,
    check_stream_name,
)

T = TypeVar("T")


class AsyncProducer:
    """Publishes frames, and follows who watches, on the running event loop.

    To be made and used on one event loop. The verbs are those of `Producer`.

    Args:
        frames: endpoint of the frames channel.
        events: endpoint of the events channel.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(
        self, frames: str = FRAMES_PRODUCER_SIDE, events: str = EVENTS_PRODUCER_SIDE
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._core = Core(Endpoints(frames, events), time.monotonic)
        self._closing = False
        self._waiting: set[asyncio.Future[None]] = set()
        for descriptor in self._core.descriptors:
            self._loop.add_reader(descriptor, self._look)
        self._timer: asyncio.Handle = self._loop.call_soon(self._poll)

    async def publish(
        self,
        stream: str,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
    ) -> bool:
        """Publishes a frame to all clients of a stream; returns whether a streamer takes it.

        The first frame waits until a streamer has subscribed, at most `JOIN_TIMEOUT_S`.

        Raises:
            ValueError: for what the wire does not allow.

        """
        frame = self._core.frame(AllClients(stream), body, content_type, headers, time_ns)
        return bool(await self._until(lambda: self._core.publish(frame), None))

    async def publish_to(
        self,
        client: str,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to one client; waits until the client can take it.

        Raises:
            ClientGone: where the client has left.
            TimeoutError: where it could not take the frame in time.
            ValueError: for what the wire does not allow.

        """
        frame = self._core.frame(OneClient(client), body, content_type, headers, time_ns)
        sent = await self._until(lambda: self._core.publish_to(frame, client), timeout_s)
        if sent is None:
            raise TimeoutError(f"client {client} takes nothing for {timeout_s} s")

    async def stop(self, stream: str, *, now: bool = False) -> bool:
        """Ends a stream for all its clients, after the last frame that was published."""
        stop = self._core.stopping(AllClients(stream), now=now)
        return bool(await self._until(lambda: self._core.stop(stop), None))

    async def stop_client(self, client: str, *, now: bool = False) -> bool:
        """Ends the stream of one client, after the last frame that was published to it."""
        stop = self._core.stopping(OneClient(client), now=now)
        return bool(await self._until(lambda: self._core.stop(stop), None))

    async def wait_for_streamer(self, timeout_s: float | None = None) -> bool:
        """Waits until a streamer takes frames; returns False once the time is over."""
        return bool(await self._until(lambda: self._core.joined() or None, timeout_s))

    async def wait_for_clients(self, stream: str, timeout_s: float | None = None) -> int:
        """Waits until somebody watches; returns how many do, 0 once the time is over."""
        check_stream_name(stream)
        return await self._until(lambda: self._core.watched(stream), timeout_s) or 0

    def connections(self, stream: str) -> int:
        """Returns how many clients watch a stream now, over all nodes."""
        return self._core.watched(check_stream_name(stream)) or 0

    async def clients(self, stream: str) -> AsyncIterator[AsyncClient]:
        """Yields the clients of a stream: those there are, then each that comes."""
        check_stream_name(stream)
        seen: set[str] = set()
        while True:
            watcher = await self._until(lambda: self._core.next_client(stream, seen), None)
            if watcher is None:
                return
            yield AsyncClient(self, watcher)

    async def events(self, stream: str | None = None) -> AsyncIterator[Event]:
        """Yields what happens on a stream; on all streams and nodes for None."""
        follower = self._core.follow(stream)
        try:
            while (event := await self._until(follower.next, None)) is not None:
                yield event
        finally:
            self._core.unfollow(follower)

    async def close(self) -> None:
        """Closes the producer; what was published may take `LINGER_S` to leave."""
        if self._closing:
            return
        self._closing = True
        self._timer.cancel()
        for descriptor in self._core.descriptors:
            self._loop.remove_reader(descriptor)
        self._wake()
        await asyncio.to_thread(self._core.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _until(self, attempt: Callable[[], T | None], timeout_s: float | None) -> T | None:
        """Attempts again whenever something has come; None once the time is over, or closed."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._closing:
                    self._core.look()
                    done = attempt()
                    if done is not None:
                        return done
                    await self._something()
        except TimeoutError:
            pass
        return None

    async def _something(self) -> None:
        """Waits until something may have come, or a moment has passed."""
        waiting = self._loop.create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _look(self) -> None:
        self._core.look()
        self._wake()

    def _poll(self) -> None:
        self._look()
        self._timer = self._loop.call_later(POLL_S, self._poll)

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


class AsyncClient:
    """One client of a stream, to be fed with frames of its own.

    Attributes:
        id: client id.
        query: the query of its request.
        overload: the stream's policy.

    """

    def __init__(self, producer: AsyncProducer, watcher: Watcher) -> None:
        self._producer = producer
        self.id = watcher.client
        self.query: Mapping[str, str] = watcher.query
        self.overload: Overload = watcher.overload

    @property
    def gone(self) -> bool:
        """Whether it has left."""
        return bool(self._producer._core.gone(self.id))  # noqa: SLF001  they are one piece

    async def publish(
        self,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to this client, as `AsyncProducer.publish_to` does."""
        await self._producer.publish_to(
            self.id,
            body,
            content_type=content_type,
            headers=headers,
            time_ns=time_ns,
            timeout_s=timeout_s,
        )

    async def stop(self, *, now: bool = False) -> bool:
        """Ends its stream, after the last frame that was published to it."""
        return await self._producer.stop_client(self.id, now=now)
