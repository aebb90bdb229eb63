"""One viewer's socket: takes bytes without waiting, and says when there is room.

Tornado parses the request; then its socket is taken over, because an identity body is what
all readers of multipart streams understand and Tornado's own `flush` would chunk it, and
because one shared buffer can then go to every client with no copy made.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from array import array
from collections.abc import Callable, Coroutine
from typing import Any, Final

from protocol import CloseReason
from streamer.fanout.client import Client
from streamer.fanout.flow import Together
from streamer.http.sockets import SOCKETS

# A client that is behind reports room when less than half of this is unsent (tcp(7)), or of a
# quarter of what may wait for it, where that is less.
FRESH_UNSENT_BYTES: Final = 16 * 1024
# Dead peers are noticed after 30 + 3 * 10 s of silence, also while nothing is sent.
KEEPALIVE_IDLE_S: Final = 30
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_PROBES: Final = 3
# How long an ended response waits for the peer to close too, seconds: closing first, with
# bytes of the peer unread, would reset the connection and lose the closing delimiter.
LINGER_S: Final = 2.0
READ_BYTES: Final = 4096
# What the system may take beyond the payload for a client that takes nothing, bytes.
BOOKKEEPING_BYTES: Final = 48 * 1024

_SIOCOUTQNSD: Final = 0x894B  # linux/sockios.h: bytes not sent; termios has no name for it
_NOTSENT_LOWAT: Final = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
_ANSWER: Final = array("i", [0])  # filled anew by each ioctl, which is half the price of a new one
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, 0 s

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Connection:
    """A client's outlet over a TCP socket.

    Args:
        sock: the connected socket, non-blocking; owned from now on.
        loop: the event loop that watches it.
        spawn: starts a task that somebody owns.
        on_gone: called once, with the client and the reason, when the response has ended.

    """

    __slots__ = ("_client", "_draining", "_fd", "_loop", "_on_gone", "_room", "_socket", "_spawn")

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        spawn: Spawn,
        on_gone: Callable[[Client, CloseReason], None],
    ) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self._loop = loop
        self._spawn = spawn
        self._on_gone = on_gone
        self._client: Client | None = None
        self._room: asyncio.Future[None] | None = None
        self._draining = False

    def attach(self, client: Client) -> None:
        """Starts serving a client."""
        self._client = client
        _prepare(self._socket, client.limits.client_buffer_bytes)
        self._loop.add_reader(self._fd, self._on_readable)

    # The outlet.

    @property
    def together(self) -> Together | None:
        """What writes to it and others in one call; None where it has to be written to alone."""
        return SOCKETS

    @property
    def handle(self) -> int:
        """By what `together` knows it."""
        return self._fd

    def write(self, wire: bytes | memoryview, /) -> int:
        """Takes bytes without waiting; returns how many were taken."""
        try:
            return self._socket.send(wire)
        except BlockingIOError:
            return 0
        except OSError:
            self._gone(CloseReason.CLIENT)
            return 0

    async def flush(self) -> None:
        """Returns when the socket has room again, or is closed."""
        if self._fd < 0:
            return
        room = self._room = self._loop.create_future()
        self._loop.add_writer(self._fd, _resolve, room)
        try:
            await room
        finally:
            self._room = None
            if self._fd >= 0:
                self._loop.remove_writer(self._fd)

    def unacknowledged(self) -> int:
        """Returns the bytes taken that the peer's system has not acknowledged."""
        return self._ask(termios.TIOCOUTQ)  # SIOCOUTQ by its other name

    def unsent(self) -> int:
        """Returns the bytes taken that have not left this system."""
        return self._ask(_SIOCOUTQNSD)

    def stay_fresh(self, on: bool, /) -> None:
        """Says whether room is to be reported only when nearly nothing is unsent."""
        if self._fd >= 0 and self._client is not None:
            unsent = min(FRESH_UNSENT_BYTES, self._client.limits.client_buffer_bytes // 4)
            # 0 brings the system's own mark back.
            self._socket.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, unsent if on else 0)

    def resume_later(self) -> None:
        """Asks that `Client.resume` be called when there is room."""
        if not self._draining and self._fd >= 0:
            self._draining = True
            self._spawn(self._drain())

    def end(self) -> None:
        """Ends the response, and closes when the peer has closed too."""
        if self._fd < 0:
            return
        try:
            self._say_goodbye()
        except OSError:
            self._gone(CloseReason.CLIENT)
            return
        self._loop.call_later(LINGER_S, self._close)
        self._tell(CloseReason.CLIENT)

    def abort(self) -> None:
        """Closes at once; the system forgets what it still holds."""
        if self._fd >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._gone(CloseReason.CLIENT)

    # The shell.

    async def _drain(self) -> None:
        more = True
        while more and self._fd >= 0:
            await self.flush()
            if self._client is None:
                break
            more = self._client.resume()
        self._draining = False

    def _on_readable(self) -> None:
        try:
            if self._read():
                return  # whatever a viewer still says, it has asked its one question
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            pass
        self._gone(CloseReason.CLIENT)

    def _read(self) -> bytes:
        return self._socket.recv(READ_BYTES)

    def _say_goodbye(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def _ask(self, request: int) -> int:
        if self._fd < 0:
            return 0
        fcntl.ioctl(self._fd, request, _ANSWER)
        return _ANSWER[0]

    def _gone(self, reason: CloseReason) -> None:
        self._close()
        self._tell(reason)

    def _tell(self, reason: CloseReason) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._on_gone(client, reason)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        self._socket.close()
        if self._room is not None:
            _resolve(self._room)


class TlsConnection(Connection):
    """A client's outlet over TLS, on the same path.

    OpenSSL writes one record of 16 KiB a call, and wants the same bytes again after a call
    that could not write: both are what `write` and the client's rest already do.
    """

    __slots__ = ()

    @property
    def together(self) -> None:
        """Is nothing: each connection has a key of its own."""
        return

    def write(self, wire: bytes | memoryview, /) -> int:
        """Takes bytes without waiting; returns how many were taken."""
        view = memoryview(wire)
        taken = 0
        try:
            while taken < len(view):
                taken += self._socket.send(view[taken:])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._gone(CloseReason.CLIENT)
        return taken

    def _say_goodbye(self) -> None:
        assert isinstance(self._socket, ssl.SSLSocket)
        try:
            self._socket.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass  # close_notify is out; the peer's answer is not waited for
        except ssl.SSLError as error:
            raise OSError(str(error)) from error
        super()._say_goodbye()


def _prepare(sock: socket.socket, buffer_bytes: int) -> None:
    """Sets what a viewer's socket needs."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The system doubles it (socket(7)), and counts its own bookkeeping in.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, (buffer_bytes + BOOKKEEPING_BYTES) // 2)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)


def _resolve(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
