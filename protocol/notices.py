"""The events channel: events on the wire.

A message is two ZeroMQ frames, `[topic, body]`, the body a msgpack map. An event says what
happened; the notice around it says which node said so, when, and with which number: `seq`
counts per node and topic, so that a gap means loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

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
from protocol.names import check_node_id, event_topic, node_topic
from protocol.packing import unpack_map
from protocol.scalars import check_uint, shown

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
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}
# The keys of a map on the wire are the attributes of its value, in order.
_KEYS: Final[dict[Any, tuple[str, ...]]] = {
    kind: tuple(each.name for each in fields(kind))
    for kind in (*_TYPES.values(), Watcher, StreamState)
}


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as it was published.

    Attributes:
        node: id of the streamer process; new for every start, so it is also the epoch.
        seq: number of this message within node and topic.
        time: when it was published, Unix ns.
        event: what happened.

    Raises:
        MalformedError: (a ValueError) for a value that the wire does not allow.

    """

    node: str
    seq: int
    time: int
    event: Event

    def __post_init__(self) -> None:
        check_node_id(self.node)
        check_uint("seq", self.seq)
        check_uint("time", self.time)


def event_type(event: Event) -> str:
    """Returns the name of the event on the wire."""
    return _NAMES[type(event)]


def topic_of(node: str, event: Event) -> bytes:
    """Returns the topic under which `node` publishes `event`."""
    if isinstance(event, Heartbeat | Goodbye):
        return node_topic(node)
    return event_topic(event.stream)


def encode_notice(notice: Notice) -> list[bytes]:
    """Returns the two frames of a notice.

    Raises:
        MalformedError: for the reason `lost`, which is never on the wire.

    """
    event = notice.event
    if isinstance(event, ClosedConnection) and event.reason is CloseReason.LOST:
        raise MalformedError(Refusal.BAD_TYPE, f'reason "{event.reason}" is not for the wire')
    body = {
        "type": event_type(event),
        "node": notice.node,
        "seq": notice.seq,
        "time": notice.time,
        **_as_map(event),
    }
    return [topic_of(notice.node, event), msgpack.packb(body, default=_as_map)]


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
    name = body.get("type")
    kind = _TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise MalformedError(Refusal.BAD_TYPE, f"unknown event type {shown(name)}")
    event: Event = _value(kind, body)
    node, seq, time = _items(("node", "seq", "time"), body)
    notice = Notice(node, seq, time, event)
    if topic_of(node, event) != topic:
        raise MalformedError(
            Refusal.BAD_TOPIC,
            f"bad topic {shown(topic)}: allowed is {shown(topic_of(node, event))}",
        )
    return notice


def _as_map(value: Any) -> dict[str, Any]:
    """Returns what msgpack cannot spell as what it can."""
    keys = _KEYS.get(type(value))
    return dict(value) if keys is None else {key: getattr(value, key) for key in keys}


def _value(kind: Callable[..., Any], body: object) -> Any:
    """Returns the value of a class that a map holds."""
    if not isinstance(body, dict):
        raise MalformedError(Refusal.BAD_TYPE, f"{shown(body)} is not a map")
    return kind(*_items(_KEYS[kind], body))


def _items(keys: Sequence[str], body: Mapping[Any, Any]) -> list[Any]:
    try:
        return [_READ[key](body[key]) if key in _READ else body[key] for key in keys]
    except KeyError as error:
        raise MalformedError(Refusal.BAD_TYPE, f"an event without {error.args[0]}") from None


def _one_of(name: str, allowed: Iterable[StrEnum]) -> Callable[[object], StrEnum]:
    members = {each.value: each for each in allowed}

    def read(value: object) -> StrEnum:
        member = members.get(value) if isinstance(value, str) else None
        if member is None:
            words = ", ".join(members)
            raise MalformedError(Refusal.BAD_TYPE, f"{name} {shown(value)}: allowed are {words}")
        return member

    return read


def _watchers(value: object) -> tuple[Watcher, ...]:
    if not isinstance(value, list):
        raise MalformedError(Refusal.BAD_TYPE, f"clients {shown(value)} is not an array")
    return tuple(_value(Watcher, each) for each in value)


def _states(value: object) -> dict[str, StreamState]:
    if not isinstance(value, dict):
        raise MalformedError(Refusal.BAD_TYPE, f"streams {shown(value)} is not a map")
    return {name: _value(StreamState, each) for name, each in value.items()}


_READ: Final[Mapping[str, Callable[[object], Any]]] = {
    "overload": _one_of("overload", Overload),
    "status": _one_of("status", Status),
    # That a client is lost is a producer's word: no node says it of its own clients.
    "reason": _one_of("reason", (each for each in CloseReason if each is not CloseReason.LOST)),
    "clients": _watchers,
    "streams": _states,
}
