"""The sockets that viewers connect to."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

# Connections the system may hold for us before they are accepted: a reconnecting crowd.
BACKLOG: Final = 4096
# Open files for all else than clients who watch: channels, and requests on their way in or out.
FILES_BESIDES: Final = 128
# Time between two words about connections that were dropped, seconds.
WORD_EVERY_S: Final = 10.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = logging.getLogger(__name__)


def listen(host: str, port: int, *, reuse_port: bool) -> list[socket.socket]:
    """Returns sockets that listen at all addresses of a host; raises OSError."""
    bound = bind_sockets(port, host, backlog=BACKLOG, reuse_port=reuse_port)
    return [Listener(each) for each in bound]


def most_clients(max_clients: int, max_files: int) -> int:
    """Returns how many clients a process may have that may have so many files open."""
    most = max(1, min(max_clients, max_files - FILES_BESIDES))
    if most < max_clients - FILES_BESIDES:
        log.warning(
            "max_clients = %d: this process may have %d files open, so that %d are taken",
            max_clients,
            max_files,
            most,
        )
    return most


class Server(HTTPServer):
    """Tornado's server, to which no connection is a fault of ours."""

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        # A port scan resets before its handshake: Python then raises, and Tornado lets it through.
        try:
            super()._handle_connection(connection, address)
        except OSError as error:
            connection.close()
            log.debug("no connection from %s: %s", address, error)


class Listener(socket.socket):
    """A listening socket that drops a connection for which no file can be opened.

    The system would keep it and report it again at once, and the event loop would do nothing
    but look at it. A file that is held in reserve makes room to accept and close it.

    Args:
        sock: what listens; not to be used any more.

    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(fileno=sock.detach())
        self.setblocking(False)
        self._reserve: int | None = _open_any()
        self._dropped = 0
        self._said_at = -WORD_EVERY_S

    def accept(self) -> tuple[socket.socket, Any]:
        """Accepts a connection; raises ConnectionAbortedError for one that was dropped.

        Raises BlockingIOError where none waits, as any listening socket does.
        """
        if self._reserve is None:
            self._reserve = _open_any()
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._drop()
            self._say(error.strerror)
            raise ConnectionAbortedError from error

    def close(self) -> None:
        """Stops listening."""
        super().close()
        self._release()

    def _drop(self) -> None:
        self._release()
        try:
            dropped, _ = super().accept()
        except OSError as error:
            if error.errno not in _NO_ROOM:  # that none waits shows only now
                raise
        else:
            dropped.close()
            self._dropped += 1
        finally:
            self._reserve = _open_any()

    def _release(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _say(self, why: str | None) -> None:
        now = time.monotonic()
        if now >= self._said_at + WORD_EVERY_S:
            log.warning("dropped connections=%d: %s", self._dropped, why)
            self._said_at, self._dropped = now, 0


def _open_any() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
