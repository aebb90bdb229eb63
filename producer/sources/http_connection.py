"""One HTTP connection to a camera: login, redirects, time-outs, bytes as soon as they come."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Final, Self

import requests
import urllib3

from producer.sources.address import Address
from producer.sources.failure import reason_of, status_reason
from producer.sources.http_session import Session
from producer.sources.login import login_for
from producer.sources.options import SourceOptions
from producer.sources.reconnect import LoginRefusedError, UnavailableError

# Bytes of one read at most; a read returns what is there, so this bounds no latency.
READ_BYTES: Final = 64 * 1024

# Answers, each as late as it may be, for which the head of the last one is waited.
MAX_HEADS: Final = 2

# It tells of odd headers with a traceback and the whole URL, where cameras take passwords.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

_NETWORK_ERRORS: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)

# What requests raises, beside its own errors, at a redirect to no URL and at a login that the
# camera asks for with something missing.
_ODD_ANSWER_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError)


class HttpConnection:
    """Asks for one URL, again and again where need be, and can be interrupted while it reads.

    The login is sent only to a server that asks for one, by the scheme it asks for (RFC 7617
    basic, RFC 7616 digest), and never to another host after a redirect.
    """

    def __init__(self, address: Address, options: SourceOptions) -> None:
        self._address = address
        self._timeouts = (options.connect_timeout_s, options.read_timeout_s)
        # A login may take a second answer, and a redirect another one.
        self._head_s = options.connect_timeout_s + MAX_HEADS * options.read_timeout_s
        self._verify_tls = options.verify_tls
        self._session = Session(self._connected)
        self._session.headers["Accept-Encoding"] = "identity"
        if not options.verify_tls:
            # Who switched the check off need not be told for each request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._response: requests.Response | None = None
        self._socket: socket.socket | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def open(self) -> requests.Response:
        """Asks for the URL; returns the answer's head once it has come.

        Raises:
            LoginRefusedError: the server wants a login and none is known, or another one.
            UnavailableError: no answer, or one that reports an error.

        """
        response = self._get()
        if response.status_code == requests.codes.unauthorized and self._session.auth is None:
            challenge = response.headers.get("WWW-Authenticate", "")
            self._session.auth = login_for(challenge, self._address)
            response = response if self._session.auth is None else self._get()
        if response.status_code == requests.codes.unauthorized:
            self._session.auth = None
            raise LoginRefusedError(status_reason(response))
        if not response.ok:
            raise UnavailableError(status_reason(response))
        return response

    def chunks(self, ended: threading.Event) -> Iterator[bytes]:
        """Yields the bytes of the last answer as they come, until its end or `ended` is set.

        Raises:
            UnavailableError: the connection broke, or was silent for too long.

        """
        response = self._response
        while response is not None and not ended.is_set():
            try:
                chunk = response.raw.read1(READ_BYTES)
            except _NETWORK_ERRORS as error:
                raise UnavailableError(reason_of(error)) from error
            if not chunk:
                return
            yield chunk

    def interrupt(self) -> None:
        """Makes a read in another thread return at once; there is nothing to read any more."""
        self._interrupted = True
        self._hang_up()

    def close(self) -> None:
        """Gives the connection back."""
        if self._response is not None:
            self._response.close()
        self._session.close()

    def _get(self) -> requests.Response:
        if self._response is not None:
            self._response.close()
        # Each byte of an answer is awaited anew, so one that trickles would never be late.
        late = threading.Event()
        deadline = threading.Timer(self._head_s, self._give_up, [late])
        deadline.daemon = True
        deadline.start()
        try:
            return self._asked()
        finally:
            deadline.cancel()
            # A head that is cut looks like a short one.
            if late.is_set():
                raise UnavailableError("its answer takes too long")

    def _asked(self) -> requests.Response:
        try:
            # Said with each request, as the environment's certificates come before a session's.
            self._response = self._session.get(
                self._address.url, stream=True, timeout=self._timeouts, verify=self._verify_tls
            )
        except _NETWORK_ERRORS as error:
            raise UnavailableError(reason_of(error)) from error
        except _ODD_ANSWER_ERRORS as error:
            raise UnavailableError(f"its answer cannot be read: {reason_of(error)}") from error
        return self._response

    def _connected(self, opened: socket.socket) -> None:
        self._socket = opened
        if self._interrupted:
            self._hang_up()

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._hang_up()

    def _hang_up(self) -> None:
        opened = self._socket
        if opened is not None:
            # Both ways: a server that sends on after that is refused. Raised where it is closed.
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
