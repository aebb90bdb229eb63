"""Waits for a core on an event loop: what stands between `AsyncProducer` and its sockets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from producer.core import POLL_S, Core
from producer.stopping import STOPPED_WITHIN_S
from producer.waiting import EVERYTHING, Waiting

T = TypeVar("T")


class LoopDriver:
    """Makes attempts for the tasks that ask for them, and takes events in meanwhile.

    Args:
        core: a producer without the waiting; nobody else uses it.

    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._waiting: Waiting[asyncio.Future[None]] = Waiting()
        self._closing = False
        self._failure: Exception | None = None
        self._looks_again = False
        for descriptor in core.descriptors:
            self._loop.add_reader(descriptor, self._look)
        self._timer: asyncio.Handle = self._loop.call_soon(self._poll)

    @property
    def closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing

    def check_open(self) -> None:
        """Raises RuntimeError where it is closed, or of another process."""
        self.check_process()
        if self._closing:
            raise RuntimeError("the producer is closed")

    def check_process(self) -> None:
        """Raises RuntimeError in a process that was forked off."""
        if os.getpid() != self._pid:
            raise RuntimeError(
                "an AsyncProducer does not survive fork: make it in the process that uses it"
            )

    def at_once(self, do: Callable[[], T]) -> T:
        """Does something with the core that needs no waiting; raises as `check_open` does."""
        self.check_open()
        return do()

    async def until(
        self,
        attempt: Callable[[], T],
        timeout_s: float | None = None,
        about: str = EVERYTHING,
        *,
        others_first: bool = True,
    ) -> T | None:
        """Attempts again whenever something has come; None once the time is over, or closed.

        Other tasks have their turn first, so that a loop around it holds nobody up. An attempt
        that was made is never taken back: a wait that is cancelled has done nothing.

        Args:
            attempt: what to do; None where it has to be done again.
            timeout_s: how long, seconds; None for ever.
            about: the stream or client whose changes matter.
            others_first: whether other tasks have their turn first; who says no, says yes every
                so often.

        Raises:
            RuntimeError: in another process, on another event loop, or where what comes is not
                taken in any more.

        """
        self.check_process()
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("an AsyncProducer is used on the event loop that it was made on")
        if others_first:
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(timeout_s) as timeout:
                while not self._closing:
                    self._check_looking()
                    done = attempt()
                    if done is not None:
                        return done
                    await self._something(about)
        except TimeoutError:
            if not timeout.expired():
                raise
        return None

    async def close(self) -> None:
        """Ends all waits and closes the core; does nothing in another process.

        A stop that may have to be sent again is waited for.
        """
        if self._closing or os.getpid() != self._pid:
            return
        try:
            if self._failure is None and not self._core.stopped():
                await self.until(self._core.stopped, STOPPED_WITHIN_S)
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._look_no_more()
        await asyncio.to_thread(self._core.close)

    def _look_no_more(self) -> None:
        self._timer.cancel()
        for descriptor in self._core.descriptors:
            self._loop.remove_reader(descriptor)
        self._wake({EVERYTHING})

    def _check_looking(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the producer has broken off") from self._failure

    async def _something(self, about: str) -> None:
        """Waits until something of interest may have come, or a moment has passed."""
        waiting = self._loop.create_future()
        self._waiting.add(about, waiting)
        try:
            await waiting
        finally:
            self._waiting.remove(about, waiting)

    def _look(self) -> None:
        try:
            self._wake(self._core.look())
        except Exception as failure:  # whatever it is, nobody may wait for ever
            self._failure = failure
            self._look_no_more()
            raise
        if self._core.has_more and not self._looks_again:
            self._looks_again = True
            self._loop.call_soon(self._look_again)

    def _look_again(self) -> None:
        self._looks_again = False
        if not self._closing and self._failure is None:
            self._look()

    def _poll(self) -> None:
        """Looks without being told to, for what only time brings."""
        self._look()
        self._wake({EVERYTHING})
        self._timer = self._loop.call_later(POLL_S, self._poll)

    def _wake(self, changes: Iterable[str]) -> None:
        for waiting in self._waiting.concerned(changes):
            if not waiting.done():
                waiting.set_result(None)


class AsyncComing(AsyncIterator[T]):
    """What comes, one by one, until it is closed or its producer is.

    A wait for the next one may be cancelled; nothing is lost then.
    """

    def __init__(self, come: Callable[[], Awaitable[T | None]]) -> None:
        self._come: Callable[[], Awaitable[T | None]] | None = come
        self._waits: set[asyncio.Timeout] = set()

    async def __anext__(self) -> T:
        found = None if self._come is None else await self._unless_closed(self._come)
        if found is None:
            raise StopAsyncIteration
        return found

    async def aclose(self) -> None:
        """Ends the iteration, also for a task that waits for the next; the rest is dropped."""
        self._come = None
        while self._waits:
            self._waits.pop().reschedule(0)  # it is over now

    async def _unless_closed(self, come: Callable[[], Awaitable[T | None]]) -> T | None:
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._waits.add(wait)
                return await come()
        except TimeoutError:
            if not wait.expired():
                raise
            return None
        finally:
            self._waits.discard(wait)
