"""What every ZeroMQ socket of a service has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import zmq

# ZMTP heartbeats: a half-open peer is noticed and reconnected, ms (zmq_setsockopt(3)).
HEARTBEAT_INTERVAL_MS: Final = 2_000
HEARTBEAT_TIMEOUT_MS: Final = 6_000
# Reconnecting begins at once and backs off up to this, ms.
RECONNECT_MAX_MS: Final = 1_000
# What subscribers may send, bytes: a subscription to a stream has at most 72, and as much again for
# a node's own behind a relay. Who sends more is disconnected.
MAX_SUBSCRIPTION_BYTES: Final = 1024


def harden(sock: zmq.Socket[Any]) -> None:
    """Sets what keeps a socket's peers honest; to be called before bind and connect."""
    sock.setsockopt(zmq.LINGER, 0)
    sock.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
    sock.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    sock.setsockopt(zmq.RECONNECT_IVL, 100)
    sock.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)


def attach(sock: zmq.Socket[Any], bind: str, connect: Sequence[str]) -> list[str]:
    """Binds and connects a socket; returns the addresses that it really uses.

    Raises:
        zmq.ZMQError: where an endpoint cannot be had; `endpoint` of the error names it.

    """
    used = []
    # Only where an address asks for it: else IPv4 addresses are shown in IPv6's spelling.
    sock.setsockopt(zmq.IPV6, int(any("[" in url for url in (bind, *connect))))
    if bind:
        try:
            sock.bind(with_port(bind))
        except zmq.ZMQError as error:
            raise EndpointError(bind, error) from error
        used.append(_text(sock.getsockopt(zmq.LAST_ENDPOINT)))
    for url in connect:
        try:
            sock.connect(url)
        except zmq.ZMQError as error:
            raise EndpointError(url, error) from error
        used.append(url)
    return used


def with_port(url: str) -> str:
    """Returns an endpoint in ZeroMQ's spelling, whose word for port 0 is `*`."""
    return f"{url[:-2]}:*" if url.startswith("tcp://") and url.endswith(":0") else url


def _text(endpoint: Any) -> str:
    raw = endpoint if isinstance(endpoint, bytes) else str(endpoint).encode()
    return raw.rstrip(b"\0").decode()


class EndpointError(zmq.ZMQError):
    """An endpoint cannot be bound or connected; `str()` is one line that names it."""

    def __init__(self, url: str, error: zmq.ZMQError) -> None:
        super().__init__(error.errno)
        self.strerror = f"{url}: {zmq.strerror(error.errno or 0)}"

    def __str__(self) -> str:
        return str(self.strerror)
