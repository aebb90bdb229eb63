"""What requests lacks for cameras: answers left unread, and sockets that are known early."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks

# Told of the socket of each new connection, before anything is asked.
Connected: TypeAlias = Callable[[socket.socket], None]


class Session(requests.Session):
    """Sends a login only where it is told to, and reads no body of a redirect.

    It goes on without login where a redirect leads to another host.
    """

    def __init__(self, connected: Connected) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(connected))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Makes a request ready, with the session's login or none."""
        if not self.auth:
            # Without any, requests takes one from ~/.netrc and sends it unasked.
            request.auth = _no_login
        return super().prepare_request(request)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Returns where an answer leads, having closed it."""
        target: str | None = super().get_redirect_target(resp)
        if target is not None:
            # requests reads it to its end, which may never come.
            resp.close()
        return target

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Takes the login from a request to another host."""
        old, new = response.request.url, prepared_request.url
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
            # The hook of a digest login answers whoever asks.
            prepared_request.hooks = default_hooks()


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Adapter(HTTPAdapter):
    def __init__(self, connected: Connected) -> None:
        super().__init__()
        self._connected = connected

    def get_connection_with_tls_context(self, *arguments: Any, **named: Any) -> Any:
        """Returns a pool whose connections tell of themselves."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **named)
        if pool.ConnectionCls is type(pool).ConnectionCls:
            pool.ConnectionCls = _telling(pool.ConnectionCls, self._connected)
        return pool


def _telling(base: Any, connected: Connected) -> Any:
    class Telling(base):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            connected(self.sock)

    return Telling
