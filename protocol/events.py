"""What a streamer tells the producers, as values; `notices` has their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class NoConnection:
    """The node's last client of the stream has gone; follows its `ClosedConnection`."""

    stream: str
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Credit:
    """Parts delivered to a client so far: its producer may send as many more."""

    stream: str
    client: str
    delivered: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """One client in a snapshot."""

    client: str
    query: Mapping[str, str]
    overload: Overload
    window: int | None
    delivered: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everybody who watches the stream on this node, for who joins late."""

    stream: str
    connections: int
    clients: tuple[Watcher, ...]


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream in a heartbeat; counters since the node started."""

    connections: int
    status: Status
    parts: int
    skipped: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The node is alive; the next one comes in `interval` seconds."""

    interval: float
    streams: Mapping[str, StreamState]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The node ends in good order; its clients are gone."""


StreamEvent = NewConnection | ClosedConnection | NoConnection | Credit | Snapshot
NodeEvent = Heartbeat | Goodbye
Event = StreamEvent | NodeEvent
