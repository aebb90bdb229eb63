"""What all answers have in common: headers, errors for programs and people, OPTIONS."""

from __future__ import annotations

import html
import json
from asyncio import Future
from http import HTTPStatus
from typing import Any, Final

from tornado import web
from tornado.iostream import IOStream

from streamer.fanout.streams import UnknownStreamError
from streamer.http.response import SERVER
from streamer.http.site import Site

RETRY_AFTER_S: Final = 5
# How long a client may take to read an answer, seconds: 16 MiB at two megabits a second. What it
# has not taken is in memory all the while.
SEND_S: Final = 60.0
# A request's target, bytes: RFC 9110 asks for 8000. Queries go to the producers, with every
# snapshot event too, so that longer ones cost more than who sends them.
MAX_TARGET_BYTES: Final = 8192
CORS_MAX_AGE_S: Final = 86_400


class Handler(web.RequestHandler):
    """What all answers have in common: headers, errors, OPTIONS."""

    def initialize(self, site: Site) -> None:
        """Takes the service."""
        self.site = site

    def set_default_headers(self) -> None:
        """Sets what every answer carries."""
        self.set_header("Server", SERVER)

    def prepare(self) -> None:
        """Refuses what is too long, and lets other origins read the answer where configured."""
        self._set_cors()
        if len(self.request.uri or "") > MAX_TARGET_BYTES:
            allowed = f"a URL may have {MAX_TARGET_BYTES} bytes"
            raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, allowed)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        """Sends the answer; who has not taken it within `SEND_S` is closed."""
        stream: IOStream = self.request.connection.stream  # type: ignore[union-attr]
        sent = super().finish(chunk)
        if not sent.done():
            closing = self.site.loop.call_later(SEND_S, stream.close)
            sent.add_done_callback(lambda _: closing.cancel())
        return sent

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


def not_found(error: UnknownStreamError) -> RefusedError:
    """Returns the refusal of a stream that cannot be here."""
    return RefusedError(HTTPStatus.NOT_FOUND, str(error))


def unavailable(text: str) -> RefusedError:
    """Returns the refusal of what may be had later."""
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text)
