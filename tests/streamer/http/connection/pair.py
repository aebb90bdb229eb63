"""A client on a real TCP connection, and the viewer at its other end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

from protocol import CloseReason
from streamer.fanout.client import Client
from streamer.fanout.limits import Limits
from streamer.fanout.totals import Totals
from streamer.http.connection import Connection, TlsConnection
from tests.streamer.frames import HEAD
from tests.streamer.multipart import Body, read_body

# Generous: a busy machine is no broken promise.
PATIENCE_S = 20.0


class Pair:
    """Both ends of one connection.

    Args:
        loop: the event loop.
        limits: how much may wait for the client.
        receive_buffer: what the viewer's system may hold, bytes; None for the system's choice.

    Attributes:
        client: what the hub offers parts to.
        connection: its outlet.
        peer: the viewer's socket.
        received: what the viewer has read.
        gone: the reasons for which the connection has said that it ended.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        *,
        receive_buffer: int | None = None,
        advance: bool = False,
    ) -> None:
        self.loop = loop
        self.gone: list[CloseReason] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.received = b""
        self.served, self.peer = _connected(receive_buffer)
        self.client = Client(
            "node-1", "cam1", self._outlet(), limits, Totals(), query={}, advance=advance
        )

    def _outlet(self) -> Connection:
        self.connection = Connection(self.served, self.loop, self._spawn, self._note)
        return self.connection

    def begin(self) -> None:
        """Begins the response, as a request does."""
        self.connection.attach(self.client)
        self.client.begin(HEAD)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _note(self, client: Client, reason: CloseReason) -> None:
        assert client is self.client
        self.gone.append(client.ending or reason)

    async def read(self, number: int) -> int:
        """Reads up to so many bytes as the viewer; returns how many came."""
        async with asyncio.timeout(PATIENCE_S):
            read = await self.loop.sock_recv(self.peer, number)
        self.received += read
        return len(read)

    async def read_what_is_there(self) -> None:
        """Reads what has come, if anything has, and lets a turn of the loop pass."""
        with contextlib.suppress(BlockingIOError):
            self.received += self.peer.recv(1 << 20)
        await asyncio.sleep(0)

    async def read_to_the_end(self) -> None:
        while await self.read(1 << 20):
            pass

    @property
    def body(self) -> Body:
        return read_body(self.received.partition(b"\r\n\r\n")[2])

    @property
    def numbers(self) -> list[int]:
        return self.body.numbers

    def close(self) -> None:
        self.connection.abort()
        self.peer.close()


class TlsPair(Pair):
    """Both ends of a connection over TLS."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, context: ssl.SSLContext
    ) -> None:
        self._context = context
        super().__init__(loop, limits)

    def _outlet(self) -> Connection:
        served = self._context.wrap_socket(
            self.served, server_side=True, do_handshake_on_connect=False
        )
        self.served = served
        self.connection = TlsConnection(served, self.loop, self._spawn, self._note)
        return self.connection

    async def shake_hands(self) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        peer = trusting.wrap_socket(self.peer, do_handshake_on_connect=False)
        self.peer = peer
        assert isinstance(self.served, ssl.SSLSocket)
        async with asyncio.timeout(PATIENCE_S):
            waiting = [self.served, peer]
            while waiting:
                for each in list(waiting):
                    try:
                        each.do_handshake()
                        waiting.remove(each)
                    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        await asyncio.sleep(0)

    async def read(self, number: int) -> int:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    read = self.peer.recv(number)
                except ssl.SSLWantReadError:
                    await asyncio.sleep(0)
                else:
                    self.received += read
                    return len(read)


# Connects a viewer whose response has begun; closed after the test.
Connect = Callable[..., Pair]


def _connected(receive_buffer: int | None) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.socket()
        if receive_buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.connect(listening.getsockname())
        served, _ = listening.accept()
    for each in (served, peer):
        each.setblocking(False)
    return served, peer
