"""`/streams/<stream>`: the stream itself, on a socket taken over from Tornado."""

from __future__ import annotations

import ssl
from contextlib import suppress

from tornado.iostream import IOStream, StreamClosedError

from streamer.fanout.streams import LimitReachedError, UnknownStreamError
from streamer.http.connection import Connection, TlsConnection
from streamer.http.handlers.base import Handler, not_found, unavailable
from streamer.http.response import opening, parse_query, stream_head, wants_advance


class StreamHandler(Handler):
    """`/streams/<stream>`: the stream itself."""

    async def head(self, name: str) -> None:
        """Answers with the stream's headers, and counts no client."""
        try:
            settings = self.site.hub.streams.settings(name)
        except UnknownStreamError as error:
            raise not_found(error) from error
        head = stream_head(self.site.token, settings, self.site.cors)
        stream = self.detach()
        with suppress(StreamClosedError):
            await stream.write(head)
        stream.close()

    def get(self, name: str) -> None:
        """Begins the stream: at once, and with the last frame where there is one."""
        site = self.site
        try:
            settings = site.hub.streams.settings(name)
            site.hub.admit(name)
        except UnknownStreamError as error:
            raise not_found(error) from error
        except LimitReachedError as error:
            raise unavailable(str(error)) from error
        query = parse_query(self.request.query)
        peer = self.peer
        advance = wants_advance(query, self.request.headers)
        connection = self._take_over()
        if connection is None:
            return
        client = site.hub.join(
            name, connection, peer=peer, query=query, advance=advance, now=site.clock()
        )
        site.came(client)
        connection.attach(client)
        client.begin(stream_head(site.token, settings, site.cors) + opening(site.token))
        last = site.hub.streams.last(name)
        if last is not None:
            client.offer(last)

    def detach(self) -> IOStream:
        """Takes the socket from Tornado, and leaves nothing behind for the garbage collector.

        Tornado breaks this cycle when a handler finishes, which one that was detached never
        does; collecting thousands of them would hold up the event loop.
        """
        self.ui.clear()
        return super().detach()

    def _take_over(self) -> Connection | None:
        """Returns the client's connection; None where the client has left already."""
        stream = self.detach()
        assert isinstance(stream, IOStream)
        if stream.closed():
            return None
        sock = stream.socket
        # Tornado lets go of the socket: nothing else may watch or close it from now on.
        stream.io_loop.remove_handler(sock)
        kind = TlsConnection if isinstance(sock, ssl.SSLSocket) else Connection
        return kind(sock, self.site.loop, self.site.spawn, self.site.gone)
