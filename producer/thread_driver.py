"""Waits for a core in threads: what stands between `Producer` and its sockets."""

from __future__ import annotations

import atexit
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from producer.channels import LINGER_S
from producer.core import POLL_S, Core
from producer.stopping import STOPPED_WITHIN_S
from producer.waiting import EVERYTHING, Waiting

T = TypeVar("T")

# How long a close waits for one that is under way, seconds: for its last messages, and a little.
CLOSED_WITHIN_S: Final = LINGER_S + 1


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
        self._closer: int | None = None
        self._closed = threading.Event()
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

        A stop that may have to be sent again is waited for, and so is a close in another thread.
        """
        if os.getpid() != self._pid:
            return  # the sockets are the parent's
        try:
            if self._failure is None:
                self.until(self._core.stopped, STOPPED_WITHIN_S)
        finally:
            self._close()

    def _close(self) -> None:
        if not self._begin_to_close():
            # A signal's handler would wait for what it has broken into, and our own thread for
            # who waits for it.
            if threading.get_ident() not in (self._closer, self._thread.ident):
                self._closed.wait(CLOSED_WITHIN_S)
            return
        try:
            os.write(self._wake_write, b"x")
            self._thread.join()
            self._core.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
        finally:
            # Not before: an interpreter that ends meanwhile ends a daemon thread, too.
            atexit.unregister(self.close)
            self._closed.set()

    def _begin_to_close(self) -> bool:
        with self._lock:
            if self._closing:
                return False
            self._closer = threading.get_ident()
            self._closing = True
            self._wake({EVERYTHING})
            return True

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
    """What comes, one by one, until it is closed or its producer is.

    Args:
        driver: who waits for it.
        attempt: takes what has come next; None where nothing has.
        about: the stream whose changes matter.

    """

    def __init__(self, driver: ThreadDriver, attempt: Callable[[], T | None], about: str) -> None:
        self._driver = driver
        self._attempt: Callable[[], T | None] | None = attempt
        self._about = about

    def __next__(self) -> T:
        found = self._driver.until(self._unless_closed, about=self._about)
        if not found:
            raise StopIteration
        return found[0]

    def close(self) -> None:
        """Ends the iteration, also for a thread that waits for the next; the rest is dropped."""
        self._attempt = None  # seen within `POLL_S`

    def _unless_closed(self) -> tuple[T, ...] | None:
        attempt = self._attempt  # another thread may close it between two lines
        if attempt is None:
            return ()
        found = attempt()
        return None if found is None else (found,)
