"""Notices connections that libzmq cuts because of what comes over them (ZMQ_MAXMSGSIZE).

libzmq reports such a connection as one that has ended, exactly as if its peer had left
(zmq_socket_monitor(3)). The connection itself tells the difference: what a peer sent before it
left was read to its end; of a message that is refused, the rest is still there. So a descriptor is
duplicated when its connection begins, and looked at once libzmq has closed its own.

Tells as well who has been found where a socket connects to.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from streamer.channels.watch import Watch, has_message

# The rest of a message may still be under way when its first bytes are refused, seconds.
SETTLE_S: Final = 0.2
_BEGINS: Final = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED
_ENDS: Final = zmq.EVENT_DISCONNECTED
# A connection alone may be one to a stranger, who speaks no ZeroMQ.
_FOUND: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED


class Monitor:
    """Watches the connections of ZeroMQ sockets; misses one that is cut as soon as it begins.

    Args:
        loop: the event loop.
        tell: called with the peer's address for each connection that was cut; the address is
            empty where the peer has none, as over `ipc://`.
        found: called with the endpoint for each peer that speaks ZeroMQ. Of a first connection
            the endpoint is spelled as it was given, of a later one by its address (libzmq).

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tell: Callable[[str], None],
        found: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._found = found
        self._reports: list[zmq.Socket[bytes]] = []
        self._monitored: list[zmq.Socket[bytes]] = []
        self._connections: dict[int, socket.socket] = {}
        self._settling: dict[socket.socket, asyncio.TimerHandle] = {}
        self._watch: Watch | None = None

    def add(self, sock: zmq.Socket[bytes]) -> None:
        """Adds a socket; to be called before it is bound or connected."""
        self._reports.append(sock.get_monitor_socket(_BEGINS | _ENDS | _FOUND))
        self._monitored.append(sock)

    def start(self) -> None:
        """Begins to watch."""
        self._watch = Watch(self._reports, self._loop, self._turn)

    def close(self) -> None:
        """Stops watching; to be called before the sockets are closed."""
        if self._watch is not None:
            self._watch.close()
        for sock in self._monitored:
            if not sock.closed:
                sock.disable_monitor()
        for report in self._reports:
            report.close(0)
        for timer in self._settling.values():
            timer.cancel()
        for connection in (*self._connections.values(), *self._settling):
            connection.close()

    def _turn(self) -> bool:
        for report in self._reports:
            while has_message(report):
                event = parse_monitor_message(report.recv_multipart(zmq.NOBLOCK))
                if event["event"] & _BEGINS:
                    self._begins(event["value"])
                elif event["event"] & _ENDS:
                    self._ends(event["value"])
                elif event["event"] & _FOUND:
                    self._found(event["endpoint"].decode())
        return False

    def _begins(self, descriptor: int) -> None:
        try:
            connection = socket.socket(fileno=os.dup(descriptor))
        except OSError:  # it has ended already
            return
        connection.setblocking(False)
        self._connections[descriptor] = connection

    def _ends(self, descriptor: int) -> None:
        connection = self._connections.pop(descriptor, None)
        if connection is not None:
            self._settling[connection] = self._loop.call_later(SETTLE_S, self._judge, connection)

    def _judge(self, connection: socket.socket) -> None:
        del self._settling[connection]
        with connection:
            try:
                unread = connection.recv(1, socket.MSG_PEEK)
                peer = connection.getpeername()
            except OSError:  # nothing is left of it, or it has fallen silent
                return
        if unread:
            self._tell(_text(peer))


def _text(peer: tuple[str, int] | str) -> str:
    if isinstance(peer, str):
        return peer
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
