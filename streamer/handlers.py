"""What the streamer answers over HTTP."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import ssl
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from tornado import web
from tornado.iostream import IOStream

from protocol import CloseReason
from streamer.connection import Connection, TlsConnection
from streamer.metrics import CONTENT_TYPE, render
from streamer.part import Part
from streamer.response import SERVER, UNCACHED, opening, parse_query, stream_head, wants_advance
from streamer.site import Site
from streamer.snapshot import SnapshotViewer
from streamer.streams import LimitReachedError, UnknownStreamError

# How long a snapshot waits for a picture, seconds; OctoPrint and others give up after 5.
SNAPSHOT_WAIT_S: Final = 4.0
RETRY_AFTER_S: Final = 5
CORS_MAX_AGE_S: Final = 86_400

log = logging.getLogger(__name__)


def log_request(handler: web.RequestHandler) -> None:
    """Logs a request that is no stream: refusals as information, the rest for debugging."""
    status = handler.get_status()
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    request = handler.request
    log.log(
        level,
        "answered status=%d method=%s uri=%r peer=%s",
        status,
        request.method,
        request.uri,
        request.remote_ip,
    )


class Handler(web.RequestHandler):
    """What all answers have in common: headers, errors, OPTIONS."""

    def initialize(self, site: Site) -> None:
        """Takes the service."""
        self.site = site

    def set_default_headers(self) -> None:
        """Sets what every answer carries."""
        self.set_header("Server", SERVER)

    def prepare(self) -> None:
        """Lets other origins read the answer, where that is configured."""
        self._set_cors()

    def compute_etag(self) -> None:
        """Makes no tag: nothing here is to be cached."""

    def _set_cors(self) -> None:
        for name, value in self.site.cors.items():
            self.set_header(name, value)

    def options(self, *_: str) -> None:
        """Answers what is allowed, a browser's preflight included."""
        self.set_status(HTTPStatus.NO_CONTENT)
        self.set_header("Allow", "GET, HEAD, OPTIONS")
        if self.site.cors:
            asked = self.request.headers.get("Access-Control-Request-Headers", "*")
            self.set_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
            self.set_header("Access-Control-Allow-Headers", asked)
            self.set_header("Access-Control-Max-Age", str(CORS_MAX_AGE_S))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Writes an error as JSON to programs, as a page to browsers."""
        self._set_cors()
        error = kwargs.get("exc_info", (None, None, None))[1]
        text = error.text if isinstance(error, RefusedError) else self._reason
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", "GET, HEAD, OPTIONS")
        if status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            self.set_header("Retry-After", str(RETRY_AFTER_S))
        self.set_header("Cache-Control", "no-store")
        if "text/html" in self.request.headers.get("Accept", ""):
            self.finish(_error_page(status_code, text))
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps({"error": text}))

    def log_exception(self, *exc_info: Any) -> None:
        """Logs what is our fault; a refusal is logged as an answer."""
        if not isinstance(exc_info[1], web.HTTPError):
            super().log_exception(*exc_info)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decodes a part of the path; what is no UTF-8 names no stream."""
        del name
        return value.decode("utf-8", "replace")

    @property
    def peer(self) -> str:
        """The client's address, with its port where no proxy hides it."""
        # Tornado's request context knows the socket's address; `remote_ip` may be a proxy's word.
        address = getattr(getattr(self.request.connection, "context", None), "address", None)
        ip = self.request.remote_ip or ""
        if not isinstance(address, tuple) or address[0] != ip:
            return ip
        return f"[{ip}]:{address[1]}" if ":" in ip else f"{ip}:{address[1]}"


def _error_page(status_code: int, text: str) -> str:
    phrase = HTTPStatus(status_code).phrase
    return (
        "<!doctype html><meta charset=utf-8><meta name=color-scheme content='light dark'>"
        f"<title>{status_code} {phrase}</title>"
        "<body style='font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;"
        f"padding:0 1rem'><h1>{phrase}</h1><p>{html.escape(text)}</p>"
        "<p><a href='/'>All streams</a></p>"
    )


class RefusedError(web.HTTPError):
    """A request that is refused, with a text for whoever asked.

    Attributes:
        text: what is wrong, one line.

    """

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(status)
        self.text = text


def _not_found(error: UnknownStreamError) -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, str(error))


def _unavailable(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text)


class StreamHandler(Handler):
    """`/streams/<stream>`: the stream itself."""

    def head(self, name: str) -> None:
        """Answers with the stream's headers, and counts no client."""
        try:
            settings = self.site.hub.streams.settings(name)
        except UnknownStreamError as error:
            raise _not_found(error) from error
        head = stream_head(self.site.token, settings, self.site.cors)
        stream = self.detach()
        # The buffer of a socket just accepted has room for a head: nothing is left to wait for.
        written = stream.write(head)
        stream.close()
        written.exception()

    def get(self, name: str) -> None:
        """Begins the stream: at once, and with the last frame where there is one."""
        site = self.site
        try:
            settings = site.hub.streams.settings(name)
            site.hub.admit(name)
        except UnknownStreamError as error:
            raise _not_found(error) from error
        except LimitReachedError as error:
            raise _unavailable(str(error)) from error
        query = parse_query(self.request.query)
        peer = self.peer
        advance = wants_advance(query, self.request.headers)
        connection = self._take_over()
        client = site.hub.join(
            name, connection, peer=peer, query=query, advance=advance, now=site.clock()
        )
        site.came(client)
        connection.attach(client)
        client.begin(stream_head(site.token, settings, site.cors) + opening(site.token))
        last = site.hub.streams.last(name)
        if last is not None:
            client.offer(last)

    def _take_over(self) -> Connection:
        stream = self.detach()
        assert isinstance(stream, IOStream)
        sock = stream.socket
        # Tornado lets go of the socket: nothing else may watch or close it from now on.
        stream.io_loop.remove_handler(sock)
        kind = TlsConnection if isinstance(sock, ssl.SSLSocket) else Connection
        return kind(sock, self.site.loop, self.site.spawn, self.site.gone)


class SnapshotHandler(Handler):
    """`/streams/<stream>/snapshot`: the newest frame alone."""

    waiting: asyncio.Future[Part | None] | None = None

    async def head(self, name: str) -> None:
        """Answers as `get` does, without the picture."""
        await self.get(name)

    async def get(self, name: str) -> None:
        """Answers with the newest frame, or with the first that comes."""
        hub = self.site.hub
        fresh = parse_query(self.request.query).get("fresh") == "1"
        try:
            hub.streams.settings(name)
            part = None if fresh else hub.streams.last(name)
            if part is None:
                part = await self._next(name)
        except UnknownStreamError as error:
            raise _not_found(error) from error
        except LimitReachedError as error:
            raise _unavailable(str(error)) from error
        if part is None:
            raise _unavailable(f"no frame within {SNAPSHOT_WAIT_S:g} s")
        for header, value in UNCACHED.items():
            self.set_header(header, value)
        self.set_header("Content-Type", part.content_type)
        if part.timestamp:
            self.set_header("X-Timestamp", part.timestamp)
        self.write(part.payload)

    async def _next(self, name: str) -> Part | None:
        site = self.site
        site.hub.admit(name)
        waiting: asyncio.Future[Part | None] = site.loop.create_future()
        self.waiting = waiting
        viewer = SnapshotViewer(
            site.hub.new_client_id(),
            name,
            site.hub.streams.known(name).limits,
            peer=self.peer,
            query=parse_query(self.request.query),
            joined_at=site.clock(),
            on_end=self._end,
        )
        site.hub.add(viewer)
        site.came(viewer)
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                return await waiting
        except TimeoutError:
            return None
        finally:
            site.gone(viewer, CloseReason.CLIENT)

    def _end(self, part: Part | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(part)

    def on_connection_close(self) -> None:
        """Gives up: nobody waits for the picture any more."""
        self._end(None)


class ListHandler(Handler):
    """`/streams`: the figures of every known stream."""

    async def head(self) -> None:
        """Answers as `get` does, without the figures."""
        await self.get()

    async def get(self) -> None:
        """Answers with JSON."""
        figures = await self.site.statistics()
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.write(
            json.dumps(
                {
                    "node": figures.node,
                    "streams": {name: asdict(each) for name, each in figures.streams.items()},
                }
            )
        )


class PageHandler(Handler):
    """`/`: the status page."""

    def head(self) -> None:
        """Answers as `get` does, without the page."""
        self.get()

    def get(self) -> None:
        """Answers with the page, which asks for the figures itself."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.write(self.site.page)


class HealthHandler(Handler):
    """`/healthz`: the process is alive."""

    def get(self) -> None:
        """Answers 200."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write("ok\n")

    head = get


class ReadyHandler(Handler):
    """`/readyz`: the node takes clients and frames."""

    def get(self) -> None:
        """Answers 200, or 503 while starting and draining."""
        if not self.site.ready():
            raise _unavailable("starting or draining")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write("ready\n")

    head = get


class MetricsHandler(Handler):
    """`/metrics`: the figures for Prometheus."""

    async def get(self) -> None:
        """Answers with the exposition text."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.write(render(await self.site.statistics()))

    head = get


class NotFoundHandler(Handler):
    """Every other path."""

    def prepare(self) -> None:
        """Refuses the path, whatever the method."""
        super().prepare()
        if self.request.method != "OPTIONS":
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such path: try /streams")


def make_application(site: Site) -> web.Application:
    """Returns the Tornado application that serves a site."""
    given = {"site": site}
    return web.Application(
        [
            (r"/", PageHandler, given),
            (r"/streams", ListHandler, given),
            (r"/streams/([^/]+)", StreamHandler, given),
            (r"/streams/([^/]+)/snapshot", SnapshotHandler, given),
            (r"/healthz", HealthHandler, given),
            (r"/readyz", ReadyHandler, given),
            (r"/metrics", MetricsHandler, given),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=given,
        log_function=log_request,
    )
