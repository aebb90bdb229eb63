"""Watches ZeroMQ sockets from the event loop, with a budget for each turn.

A socket's file descriptor is edge-triggered (zmq_getsockopt(3), ZMQ_FD): after each wake
the socket is drained until it says that nothing is left, or until the turn's budget is used
up, and then goes on in the next turn. An `await recv()` per message would starve all else
while messages wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import zmq

# A lost edge costs no more than this, seconds.
SAFETY_POLL_S: Final = 0.1
_POLLIN: Final = int(zmq.POLLIN)  # with the enumeration, `&` would cost more than the question


class Watch:
    """Calls `drain` whenever one of some sockets may have messages.

    Args:
        socks: the sockets.
        loop: the event loop.
        drain: takes messages of all of them; returns whether it wants another turn.

    """

    def __init__(
        self,
        socks: Iterable[zmq.Socket[bytes]],
        loop: asyncio.AbstractEventLoop,
        drain: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._drain = drain
        self._descriptors = [sock.fileno() for sock in socks]
        self._scheduled = False
        self._closed = False
        self._safety = loop.call_later(SAFETY_POLL_S, self._poll)
        for descriptor in self._descriptors:
            loop.add_reader(descriptor, self._readable)
        self.schedule()

    def schedule(self) -> None:
        """Asks for a turn."""
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def close(self) -> None:
        """Stops watching; the sockets may be closed then."""
        self._closed = True
        self._safety.cancel()
        for descriptor in self._descriptors:
            self._loop.remove_reader(descriptor)

    def _readable(self) -> None:
        if not self._scheduled:
            self._turn()

    def _turn(self) -> None:
        self._scheduled = False
        if not self._closed and self._drain():
            self.schedule()

    def _poll(self) -> None:
        self.schedule()
        self._safety = self._loop.call_later(SAFETY_POLL_S, self._poll)


def has_message(sock: zmq.Socket[bytes]) -> bool:
    """Tells whether a message can be taken; asking also arms the next edge."""
    return int(sock.getsockopt(zmq.EVENTS)) & _POLLIN != 0
