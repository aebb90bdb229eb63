"""Where the processes meet."""

from __future__ import annotations

import re
from typing import Final

# Where they do unless told otherwise.
FRAMES_PRODUCER_SIDE: Final = "tcp://127.0.0.1:5555"
EVENTS_PRODUCER_SIDE: Final = "tcp://127.0.0.1:5556"
FRAMES_STREAMER_SIDE: Final = "tcp://127.0.0.1:5557"
EVENTS_STREAMER_SIDE: Final = "tcp://127.0.0.1:5558"

MAX_PORT: Final = 65535
_ENDPOINT: Final = re.compile(r"(?:ipc|inproc)://\S+|tcp://\S+:(\*|[0-9]{1,5})")


def check_endpoint(url: object, example: str, *, bound: bool = False) -> str:
    """Returns a ZeroMQ endpoint (zmq_tcp(7), zmq_ipc(7), zmq_inproc(7)).

    Args:
        url: what is to be one.
        example: of what is allowed.
        bound: whether it is bound, and so may have any free port (`0` or `*`).

    Raises:
        ValueError: says what is allowed.

    """
    match = _ENDPOINT.fullmatch(url) if isinstance(url, str) and url.isprintable() else None
    if not isinstance(url, str) or match is None:
        raise ValueError(f"a ZeroMQ endpoint, as {example}")
    lowest = 0 if bound else 1
    port = "0" if match[1] == "*" else match[1]
    if port is not None and not lowest <= int(port) <= MAX_PORT:  # libzmq takes it, and wraps it
        raise ValueError(f"a ZeroMQ endpoint with a port of {lowest} to {MAX_PORT}, as {example}")
    return url
