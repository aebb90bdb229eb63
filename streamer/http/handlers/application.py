"""Which handler a request goes to, also where it is written in a less usual form, or wrongly."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from tornado import httputil, web

from streamer.http.handlers.base import MAX_TARGET_BYTES
from streamer.http.handlers.status import MalformedHandler
from streamer.http.response import path_of

StartLine = httputil.RequestStartLine | httputil.ResponseStartLine


class Application(web.Application):
    """Tornado's application, for all forms of a request's target.

    What Tornado cannot read as HTTP never comes here: it answers 400 without a body, and closes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Tornado refuses a query of more than 1,000 fields, empty ones too, and has one setting
        # for the process. How long a target may be bounds them here.
        fields = httputil.ParseUrlEncodedConfig(max_arguments=MAX_TARGET_BYTES)
        httputil.set_parse_body_config(httputil.ParseBodyConfig(urlencoded=fields))

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        """Begins a request."""
        return _Intake(self, request_conn, super().start_request(server_conn, request_conn))

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> Any:
        """Returns what serves a request."""
        request.path = path_of(request.path)
        return super().find_handler(request, **kwargs)

    def refusal(
        self,
        connection: httputil.HTTPConnection,
        start: httputil.RequestStartLine,
        accept: str,
        text: str,
    ) -> httputil.HTTPMessageDelegate:
        """Returns what refuses a request that can be read, and that HTTP does not allow."""
        request = httputil.HTTPServerRequest(
            connection=connection,
            start_line=httputil.RequestStartLine(start.method, "/", start.version),
            headers=httputil.HTTPHeaders({"Host": "none", "Accept": accept}),
        )
        given = {**self.settings["default_handler_args"], "text": text}
        return self.get_handler_delegate(request, MalformedHandler, given)


class _Intake(httputil.HTTPMessageDelegate):
    """Has a request served, or refused where its head is not as HTTP wants it."""

    def __init__(
        self,
        application: Application,
        connection: httputil.HTTPConnection,
        delegate: httputil.HTTPMessageDelegate,
    ) -> None:
        self._application = application
        self._connection = connection
        self._delegate = delegate

    def headers_received(
        self, start_line: StartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        try:
            return self._delegate.headers_received(start_line, headers)
        except httputil.HTTPInputError as error:
            assert isinstance(start_line, httputil.RequestStartLine)
            accept = headers.get("Accept", "")
            self._delegate = self._application.refusal(
                self._connection, start_line, accept, str(error)
            )
            return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
