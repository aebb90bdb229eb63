"""Hundreds of viewers in one thread: raw sockets, and a reader as strict as RFC 2046."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from types import TracebackType
from typing import Final, Self

from tests.e2e.processes import eventually, number_of

from .network import Host
from .reading import Reading, TornError

READ_BYTES: Final = 1 << 18


class State(Enum):
    """How a viewer is doing."""

    WAITING = auto()  # its response has not begun
    OPEN = auto()
    ENDED = auto()  # by the closing delimiter, and nothing behind it
    CUT = auto()  # the connection ended without it
    LEFT = auto()  # it went itself
    TORN = auto()  # what came is no stream


class Viewer:
    """One viewer: which frames came whole, and how it is doing.

    Attributes:
        numbers: the numbers of the frames, each once although it may have been repeated.
        seen_at: when each of them had come, seconds of the monotonic clock.
        state: how it is doing.
        trouble: what was torn, where anything was.
        ended_at: when its connection ended, seconds of the monotonic clock.

    """

    def __init__(self, address: tuple[str, int], path: str) -> None:
        self.address = address
        self.path = path
        self.numbers: list[int] = []
        self.seen_at: list[float] = []
        self.state = State.WAITING
        self.trouble = ""
        self.ended_at = 0.0
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)
        self._reading = Reading()

    def ask(self) -> None:
        """Sends the request."""
        request = f"GET {self.path} HTTP/1.1\r\nHost: {self.address[0]}\r\n\r\n"
        with contextlib.suppress(OSError):  # a connection that was refused is read as cut
            self.socket.send(request.encode())

    def read(self) -> None:
        """Takes what has come."""
        try:
            received = self.socket.recv(READ_BYTES)
            if not received:
                self.end(State.ENDED if self._reading.ended else State.CUT)
            for body in self._reading.feed(received):
                self._take(number_of(body))
            if self.state is State.WAITING and self._reading.begun:
                self.state = State.OPEN
        except OSError:
            self.end(State.CUT)
        except (TornError, ValueError) as error:
            self.trouble = str(error)
            self.end(State.TORN)

    def _take(self, number: int) -> None:
        if self.numbers[-1:] != [number]:
            self.numbers.append(number)
            self.seen_at.append(time.monotonic())

    def end(self, state: State) -> None:
        """Notes how its stream ended."""
        self.ended_at = time.monotonic()
        self.state = state

    @property
    def is_over(self) -> bool:
        """Whether its connection has ended."""
        return self.state not in {State.WAITING, State.OPEN}


class Crowd:
    """A thread that reads for all viewers, as a context.

    Args:
        host: where they sit; None for this machine.
        again: returns where a viewer goes whose stream has ended, as a page does that
            reconnects by itself; None where it stays away.

    """

    def __init__(
        self,
        host: Host | None = None,
        again: Callable[[Viewer], tuple[str, int] | None] = lambda _: None,
    ) -> None:
        self.all: list[Viewer] = []
        self._host = host
        self._again = again
        self._todo: deque[Callable[[], object]] = deque()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        self._do(lambda: None)
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def join(self, http: str, path: str, number: int = 1) -> list[Viewer]:
        """Brings so many viewers; returns when each has its stream."""
        host, _, port = http.removeprefix("http://").rpartition(":")
        came: list[Viewer] = []
        self._do(lambda: came.extend(self._new((host, int(port)), path) for _ in range(number)))
        eventually(
            lambda: len(came) == number and all(each.state is State.OPEN for each in came),
            f"{number} responses of {http}{path} to begin",
        )
        return came

    def leave(self, viewers: Sequence[Viewer]) -> None:
        """Takes viewers away; returns when they are gone."""
        self._do(lambda: self._leave(viewers))
        eventually(lambda: all(each.is_over for each in viewers), "the viewers to leave")

    def watching(self, path: str) -> list[Viewer]:
        """Returns who has a stream open."""
        return [each for each in list(self.all) if each.path == path and not each.is_over]

    @property
    def torn(self) -> list[str]:
        """What was torn, of all viewers ever."""
        return [each.trouble for each in list(self.all) if each.state is State.TORN]

    def _do(self, call: Callable[[], object]) -> None:
        """Has something done by the thread."""
        self._todo.append(call)
        os.write(self._wake_write, b"x")

    def _run(self) -> None:
        if self._host is not None:
            self._host.enter()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        while not self._closing:
            for key, _ in self._selector.select():
                if key.data is None:
                    os.read(self._wake_read, 4096)
                else:
                    self._serve(key.data, key.events)
            while self._todo:
                self._todo.popleft()()
        for viewer in self.all:
            viewer.socket.close()
        self._selector.close()

    def _new(self, address: tuple[str, int], path: str) -> Viewer:
        viewer = Viewer(address, path)
        self.all.append(viewer)
        self._selector.register(viewer.socket, selectors.EVENT_WRITE, viewer)
        return viewer

    def _serve(self, viewer: Viewer, events: int) -> None:
        if events == selectors.EVENT_WRITE:
            viewer.ask()
            self._selector.modify(viewer.socket, selectors.EVENT_READ, viewer)
            return
        viewer.read()
        if viewer.is_over:
            self._close(viewer)
            address = self._again(viewer)
            if address is not None:
                self._new(address, viewer.path)

    def _leave(self, viewers: Sequence[Viewer]) -> None:
        for viewer in viewers:
            if not viewer.is_over:
                viewer.end(State.LEFT)
                self._close(viewer)

    def _close(self, viewer: Viewer) -> None:
        self._selector.unregister(viewer.socket)
        viewer.socket.close()
