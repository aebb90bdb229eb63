"""The frames channel: what a producer publishes, as values and as bytes.

A message is three ZeroMQ frames, `[topic, header, body]`. The header is a msgpack map, or
empty where every key has its default. The body is a ZeroMQ frame of its own, so that a
picture is never copied through msgpack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from protocol.errors import MalformedError, Refusal
from protocol.fields import (
    RESERVED_PART_FIELDS,
    check_field_name,
    check_field_value,
    check_media_type,
)
from protocol.names import Address, parse_topic
from protocol.packing import unpack_map
from protocol.scalars import check_text, check_uint, shown

# A frame of a 4K camera is 1 to 3 MB; 16 MiB leaves room for raw pictures.
MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
# HTTP servers and readers allow 8 to 64 KiB for a whole header block.
MAX_HEADER_BYTES: Final = 16 * 1024
# Items of a map or array in a header; ours have a few.
MAX_HEADER_ITEMS: Final = 1024


def _check_numbering(seq: object, producer: object) -> None:
    if seq is not None:
        check_uint("seq", seq)
    if producer is not None:
        check_text("producer", producer)


@dataclass(frozen=True, slots=True)
class Frame:
    """A payload for all clients of a stream, or for one client.

    Attributes:
        address: whom it is for.
        body: the payload, any bytes.
        content_type: media type of the part; None means the stream's configured type.
        headers: further part headers, name to value.
        time: capture time, Unix ns.
        seq: the producer's own number of this frame within its topic, +1 each.
        producer: id of the producer instance; `seq` counts per producer.
        retained: whether it is an older one, sent once more for who has subscribed since.

    Raises:
        MalformedError: (a ValueError) for a value that the wire does not allow.

    """

    address: Address
    body: bytes
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    time: int | None = None
    seq: int | None = None
    producer: str | None = None
    retained: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.body, bytes):
            raise MalformedError(Refusal.BAD_TYPE, f"body {shown(self.body)} is not bytes")
        if self.content_type is not None:
            check_media_type(self.content_type)
        _check_headers(self.headers)
        if self.time is not None:
            check_uint("time", self.time)
        _check_numbering(self.seq, self.producer)
        if not isinstance(self.retained, bool):
            raise MalformedError(Refusal.BAD_TYPE, f"retained {shown(self.retained)} is no boolean")


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends a stream for all its clients, or for one client.

    Attributes:
        address: whom it ends.
        seq: number of the last frame that each client still gets; None stops at once.
        producer: id of the producer instance whose `seq` is meant.

    Raises:
        MalformedError: (a ValueError) for a value that the wire does not allow.

    """

    address: Address
    seq: int | None = None
    producer: str | None = None

    def __post_init__(self) -> None:
        _check_numbering(self.seq, self.producer)


Message = Frame | Stop


def _check_headers(headers: object) -> None:
    # A dict first: asking an abstract class costs a microsecond more.
    if not isinstance(headers, dict | Mapping):
        raise MalformedError(Refusal.BAD_TYPE, "headers is not a map of strings to strings")
    for name, value in headers.items():
        if check_field_name(name).lower() not in RESERVED_PART_FIELDS:
            check_field_value(name, value)
        else:
            check_text(f"value of header {name}", value)


def encode(message: Message) -> list[bytes]:
    """Returns the three frames of `message`; a plain frame has an empty header."""
    header: dict[str, Any] = {}
    if isinstance(message, Stop):
        header["type"] = "stop"
    else:
        if message.content_type is not None:
            header["content_type"] = message.content_type
        if message.headers:
            header["headers"] = dict(message.headers)
        if message.time is not None:
            header["time"] = message.time
    if message.seq is not None:
        header["seq"] = message.seq
    if message.producer is not None:
        header["producer"] = message.producer
    if isinstance(message, Frame) and message.retained:
        header["retained"] = True
    body = b"" if isinstance(message, Stop) else message.body
    return [message.address.topic, msgpack.packb(header) if header else b"", body]


def decode(
    parts: Sequence[bytes],
    *,
    max_frame_bytes: int = MAX_FRAME_BYTES,
    max_header_bytes: int = MAX_HEADER_BYTES,
) -> Message:
    """Returns the message that three ZeroMQ frames hold.

    Unknown keys of the header are ignored.

    Raises:
        MalformedError: for anything the wire does not allow, with the reason for refusal.

    """
    if len(parts) != 3:
        raise MalformedError(
            Refusal.FRAME_COUNT, f"{len(parts)} ZeroMQ frames: [topic, header, body] is allowed"
        )
    topic, header, body = parts
    address = parse_topic(topic)
    if len(body) > max_frame_bytes:
        raise MalformedError(
            Refusal.TOO_LARGE, f"body of {len(body)} bytes: {max_frame_bytes} are allowed"
        )
    if not header:
        return Frame(address, body)
    fields = unpack_map(header, "header", max_bytes=max_header_bytes, max_items=MAX_HEADER_ITEMS)
    return _from_header(address, fields, body)


def _from_header(address: Address, header: dict[Any, Any], body: bytes) -> Message:
    for key in ("content_type", "headers", "time", "seq", "producer", "retained"):
        if key in header and header[key] is None:
            raise MalformedError(Refusal.BAD_TYPE, f"{key} is nil: leave the key out")
    frame = Frame(
        address,
        body,
        header.get("content_type"),
        header.get("headers", {}),
        header.get("time"),
        header.get("seq"),
        header.get("producer"),
        header.get("retained", False),
    )
    match header.get("type", "frame"):
        case "frame":
            return frame
        case "stop":  # right in every key, those of a frame included
            return Stop(address, frame.seq, frame.producer)
        case other:
            raise MalformedError(
                Refusal.BAD_TYPE, f'type {shown(other)}: "frame" and "stop" are allowed'
            )
