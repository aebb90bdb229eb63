"""The events channel: events on the wire.

A message is two ZeroMQ frames, `[topic, body]`, the body a msgpack map. An event says what
happened; the notice around it says which node said so, when, and with which number: `seq`
counts per node and topic, so that a gap means loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgpack

from protocol.errors import MalformedError, Refusal
from protocol.events import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
)
from protocol.names import EVENT_PREFIX, NODE_PREFIX, check_node_id, event_topic, node_topic
from protocol.packing import unpack_map

# A snapshot of 10,000 clients with long queries is some MB.
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
# Clients in a snapshot, streams in a heartbeat: more than one process can serve.
MAX_EVENT_ITEMS: Final = 1_000_000

_TYPES: Final[dict[str, type[Event]]] = {
    "new_connection": NewConnection,
    "closed_connection": ClosedConnection,
    "no_connection": NoConnection,
    "credit": Credit,
    "snapshot": Snapshot,
    "heartbeat": Heartbeat,
    "goodbye": Goodbye,
}
_E = TypeVar("_E", bound=StrEnum)
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as it was published.

    Attributes:
        node: id of the streamer process; new for every start, so it is also the epoch.
        seq: number of this message within node and topic.
        time: when it was published, Unix ns.
        event: what happened.

    """

    node: str
    seq: int
    time: int
    event: Event


def event_type(event: Event) -> str:
    """Returns the name of the event on the wire."""
    return _NAMES[type(event)]


def topic_of(node: str, event: Event) -> bytes:
    """Returns the topic under which `node` publishes `event`."""
    if isinstance(event, Heartbeat | Goodbye):
        return node_topic(node)
    return event_topic(event.stream)


def encode_notice(notice: Notice) -> list[bytes]:
    """Returns the two frames of a notice."""
    body = {
        "type": event_type(notice.event),
        "node": notice.node,
        "seq": notice.seq,
        "time": notice.time,
        **_as_map(notice.event),
    }
    return [topic_of(notice.node, notice.event), msgpack.packb(body)]


def _as_map(value: Any) -> dict[str, Any]:
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case Watcher() | StreamState():
            return _as_map(value)
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case _:
            return value


def decode_notice(parts: Sequence[bytes]) -> Notice:
    """Returns the notice that two ZeroMQ frames hold; unknown keys are ignored.

    Raises:
        MalformedError: for anything the wire does not allow, an unknown event type included.

    """
    if len(parts) != 2:
        raise MalformedError(
            Refusal.FRAME_COUNT, f"{len(parts)} ZeroMQ frames: [topic, body] is allowed"
        )
    topic, packed = parts
    body = unpack_map(packed, "event", max_bytes=MAX_EVENT_BYTES, max_items=MAX_EVENT_ITEMS)
    try:
        event = _event(body)
        notice = Notice(check_node_id(body["node"]), _uint(body["seq"]), _uint(body["time"]), event)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(Refusal.BAD_TYPE, f"bad event: {error!r}") from error
    if topic_of(notice.node, event) != topic:
        raise MalformedError(
            Refusal.BAD_TOPIC,
            f"bad topic {bytes(topic[:80])!r}: allowed are {EVENT_PREFIX.decode()}<stream>/ "
            f"and {NODE_PREFIX.decode()}<node id>/, as the body says",
        )
    return notice


def _event(body: Mapping[str, Any]) -> Event:
    match body["type"]:
        case "new_connection":
            return NewConnection(
                _text(body["stream"]),
                _text(body["client"]),
                _uint(body["connections"]),
                _text(body["peer"]),
                _query(body["query"]),
                _overload(body["overload"]),
                _window(body["window"]),
            )
        case "closed_connection":
            return ClosedConnection(
                _text(body["stream"]),
                _text(body["client"]),
                _uint(body["connections"]),
                _reason(body["reason"]),
                _seconds(body["duration"]),
                *(_uint(body[key]) for key in ("parts", "bytes", "skipped", "repeats")),
            )
        case "no_connection":
            return NoConnection(_text(body["stream"]))
        case "credit":
            return Credit(_text(body["stream"]), _text(body["client"]), _uint(body["delivered"]))
        case "snapshot":
            clients = tuple(_watcher(each) for each in body["clients"])
            return Snapshot(_text(body["stream"]), _uint(body["connections"]), clients)
        case "heartbeat":
            streams = {_text(name): _state(each) for name, each in body["streams"].items()}
            return Heartbeat(_seconds(body["interval"]), streams)
        case "goodbye":
            return Goodbye()
        case other:
            raise MalformedError(Refusal.BAD_TYPE, f"unknown event type {str(other)[:40]!r}")


def _watcher(body: Mapping[str, Any]) -> Watcher:
    return Watcher(
        _text(body["client"]),
        _query(body["query"]),
        _overload(body["overload"]),
        _window(body["window"]),
        _uint(body["delivered"]),
    )


def _state(body: Mapping[str, Any]) -> StreamState:
    return StreamState(
        _uint(body["connections"]),
        _member(Status, body["status"]),
        *(_uint(body[key]) for key in ("parts", "skipped", "bytes")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _uint(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is not an unsigned integer")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number of seconds")
    return float(value)


def _query(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not a map")
    return {_text(key): _text(each) for key, each in value.items()}


def _window(value: object) -> int | None:
    return None if value is None else _uint(value)


def _overload(value: object) -> Overload:
    return _member(Overload, value)


def _reason(value: object) -> CloseReason:
    return _member(CloseReason, value)


def _member(kind: type[_E], value: object) -> _E:
    try:
        return kind(_text(value))
    except ValueError as error:
        raise TypeError(str(error)) from error
