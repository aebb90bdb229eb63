"""Waits for a core in threads: what stands between `Producer` and its sockets."""

from __future__ import annotations

import atexit
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from producer.core import POLL_S, Core
from producer.stopping import STOPPED_WITHIN_S
from producer.waiting import EVERYTHING, Waiting

T = TypeVar("T")


class ThreadDriver:
    """Makes attempts in the threads that ask for them, and takes events in with one of its own.

    Only that one looks at what comes: Ctrl-C breaks into the main thread anywhere, and is not
    to break into that.

    Args:
        core: a producer without the waiting; nobody else uses it.

    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._waiting: Waiting[threading.Condition] = Waiting()
        self._closing = False
        self._failure: Exception | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="partcast-producer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

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
        # Before any lock: a fork may have copied it while the other thread held it.
        if os.getpid() != self._pid:
            raise RuntimeError(
                "a Producer does not survive fork: make it in the process that uses it"
            )

    def at_once(self, do: Callable[[], T]) -> T:
        """Does something with the core that needs no waiting; raises as `check_open` does."""
        self.check_process()
        with self._lock:
            self.check_open()
            return do()

    def until(
        self,
        attempt: Callable[[], T],
        timeout_s: float | None = None,
        about: str = EVERYTHING,
    ) -> T | None:
        """Attempts again whenever something has come; None once the time is over, or closed.

        Args:
            attempt: what to do; None where it has to be done again.
            timeout_s: how long, seconds; None for ever.
            about: the stream or client whose changes matter.

        Raises:
            RuntimeError: in another process.

        """
        self.check_process()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            while not self._closing:
                self._check_thread()
                done = attempt()
                if done is not None:
                    return done
                left = POLL_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return None
                self._wait(about, min(left, POLL_S))
        return None

    def close(self) -> None:
        """Ends all waits and closes the core; does nothing in another process.

        A stop that may have to be sent again is waited for.
        """
        if os.getpid() != self._pid:
            return  # the sockets are the parent's
        try:
            if self._failure is None:
                self.until(self._core.stopped, STOPPED_WITHIN_S)
        finally:
            self._close()

    def _close(self) -> None:
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._wake({EVERYTHING})
        atexit.unregister(self.close)
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._core.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wait(self, about: str, seconds: float) -> None:
        waiter = threading.Condition(self._lock)
        self._waiting.add(about, waiter)
        try:
            waiter.wait(seconds)
        finally:
            self._waiting.remove(about, waiter)

    def _wake(self, changes: Iterable[str]) -> None:
        for waiter in self._waiting.concerned(changes):
            waiter.notify_all()

    def _check_thread(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the producer's thread has broken off") from self._failure

    def _run(self) -> None:
        try:
            self._take_in()
        except Exception as failure:  # whatever it is, nobody may wait for ever
            with self._lock:
                self._failure = failure
                self._wake({EVERYTHING})
            raise

    def _take_in(self) -> None:
        poll = select.poll()
        for descriptor in (*self._core.descriptors, self._wake_read):
            poll.register(descriptor, select.POLLIN)
        while True:
            poll.poll(0 if self._core.has_more else POLL_S * 1000)
            with self._lock:
                if self._closing:
                    return
                self._wake(self._core.look())


class Coming(Iterator[T]):
    """What comes, one by one, until it is closed or its producer is."""

    def __init__(self, come: Callable[[], T | None]) -> None:
        self._come: Callable[[], T | None] | None = come

    def __next__(self) -> T:
        found = None if self._come is None else self._come()
        if found is None:
            raise StopIteration
        return found

    def close(self) -> None:
        """Ends the iteration; what still waits is dropped."""
        self._come = None
