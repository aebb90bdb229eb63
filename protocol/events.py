"""What a streamer tells the producers, as values; `notices` has their bytes.

None of them can be made with what the wire does not allow: a wrong name, number or text is a
MalformedError, which is a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocol.errors import MalformedError, Refusal
from protocol.names import check_client_id, check_stream_name
from protocol.scalars import check_seconds, check_text, check_uint, shown


class Overload(StrEnum):
    """What happens to a client that cannot keep up."""

    LATEST = "latest"
    QUEUE = "queue"


class CloseReason(StrEnum):
    """Why a client's connection ended."""

    CLIENT = "client"
    STOP = "stop"
    STALLED = "stalled"
    OVERFLOW = "overflow"
    SHUTDOWN = "shutdown"
    LOST = "lost"  # never on the wire: a producer's word for clients of a node that died


class Status(StrEnum):
    """How a stream is doing."""

    GREY = "grey"  # no clients
    BLUE = "blue"  # all is delivered
    YELLOW = "yellow"  # parts were skipped a short while ago
    RED = "red"  # parts are larger than the clients' buffers


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A client asked for the stream; sent before its first part.

    Attributes:
        stream: name of the stream.
        client: id of the client.
        connections: clients of the stream on this node, this one included.
        peer: address of the client.
        query: the request's query; of a repeated key the last value.
        overload: the stream's policy.
        window: targeted parts that may be under way; None under `latest`.

    """

    stream: str
    client: str
    connections: int
    peer: str
    query: Mapping[str, str]
    overload: Overload
    window: int | None

    def __post_init__(self) -> None:
        check_stream_name(self.stream)
        check_client_id(self.client)
        check_uint("connections", self.connections)
        check_text("peer", self.peer)
        _check_query(self.query)
        _check_window(self.window)


@dataclass(frozen=True, slots=True)
class ClosedConnection:
    """A client's connection ended.

    Attributes:
        stream: name of the stream.
        client: id of the client.
        connections: clients of the stream left on this node.
        reason: why it ended.
        duration: how long it lasted, seconds.
        parts: parts delivered, repeats not counted.
        bytes: payload bytes of those parts.
        skipped: parts that the client was too slow for.
        repeats: repeated parts, counted in none of the others.

    """

    stream: str
    client: str
    connections: int
    reason: CloseReason
    duration: float
    parts: int
    bytes: int
    skipped: int
    repeats: int

    def __post_init__(self) -> None:
        check_stream_name(self.stream)
        check_client_id(self.client)
        check_uint("connections", self.connections)
        check_seconds("duration", self.duration)
        check_uint("parts", self.parts)
        check_uint("bytes", self.bytes)
        check_uint("skipped", self.skipped)
        check_uint("repeats", self.repeats)


@dataclass(frozen=True, slots=True)
class NoConnection:
    """The node's last client of the stream has gone; follows its `ClosedConnection`."""

    stream: str
    connections: int = 0

    def __post_init__(self) -> None:
        check_stream_name(self.stream)
        if self.connections != 0:
            raise MalformedError(
                Refusal.BAD_TYPE, f"connections {shown(self.connections)}: allowed is 0"
            )


@dataclass(frozen=True, slots=True)
class Credit:
    """Parts delivered to a client so far: its producer may send as many more."""

    stream: str
    client: str
    delivered: int

    def __post_init__(self) -> None:
        check_stream_name(self.stream)
        check_client_id(self.client)
        check_uint("delivered", self.delivered)


@dataclass(frozen=True, slots=True)
class Watcher:
    """One client in a snapshot."""

    client: str
    query: Mapping[str, str]
    overload: Overload
    window: int | None
    delivered: int

    def __post_init__(self) -> None:
        check_client_id(self.client)
        _check_query(self.query)
        _check_window(self.window)
        check_uint("delivered", self.delivered)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everybody who watches the stream on this node, for who joins late."""

    stream: str
    connections: int
    clients: tuple[Watcher, ...]

    def __post_init__(self) -> None:
        check_stream_name(self.stream)
        check_uint("connections", self.connections)


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream in a heartbeat; counters since the node started."""

    connections: int
    status: Status
    parts: int
    skipped: int
    bytes: int

    def __post_init__(self) -> None:
        check_uint("connections", self.connections)
        check_uint("parts", self.parts)
        check_uint("skipped", self.skipped)
        check_uint("bytes", self.bytes)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The node is alive; the next one comes in `interval` seconds."""

    interval: float
    streams: Mapping[str, StreamState]

    def __post_init__(self) -> None:
        check_seconds("interval", self.interval)
        if self.interval == 0:
            raise MalformedError(Refusal.BAD_TYPE, "interval 0: allowed is more")
        for name in self.streams:
            check_stream_name(name)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The node ends in good order; its clients are gone."""


StreamEvent = NewConnection | ClosedConnection | NoConnection | Credit | Snapshot
NodeEvent = Heartbeat | Goodbye
Event = StreamEvent | NodeEvent


def _check_query(query: object) -> None:
    if not isinstance(query, dict | Mapping):
        raise MalformedError(Refusal.BAD_TYPE, f"query {shown(query)} is not a map")
    for key, value in query.items():
        check_text("query key", key)
        check_text("query value", value)


def _check_window(window: object) -> None:
    if window is not None:
        check_uint("window", window)
