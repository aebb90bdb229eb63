"""Frames and parts for the tests of the streamer, each with a number to know it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocol import AllClients, Frame, OneClient, Stop
from streamer.fanout.part import Encoder, Part

TOKEN: Final = "0123456789abcdefghijABCDEFGHIJ0123456789"
DELIMITER: Final = b"\r\n--" + TOKEN.encode()
HEAD: Final = b"HTTP/1.1 200 OK\r\n\r\n--" + TOKEN.encode()


def jpeg(number: int = 0, size: int = 0) -> bytes:
    """Returns bytes that begin as a JPEG does, and carry a number."""
    return b"\xff\xd8" + f"{number:08d}".encode() + b"." * max(0, size - 10)


def number_of(body: bytes) -> int:
    """Returns the number that a body carries, with or without the two bytes of a JPEG."""
    return int(body.removeprefix(b"\xff\xd8")[:8])


def frame(number: int = 0, size: int = 0, *, stream: str = "cam1", **header: Any) -> Frame:
    """Returns a frame for all clients of a stream."""
    return Frame(AllClients(stream), jpeg(number, size), **header)


def text_frame(number: int = 0, *, stream: str = "cam1", **header: Any) -> Frame:
    """Returns a frame that is no image."""
    return Frame(AllClients(stream), f"{number:08d} words".encode(), "text/plain", **header)


def frame_for(client: str, number: int = 0, size: int = 0, **header: Any) -> Frame:
    """Returns a frame for one client."""
    return Frame(OneClient(client), jpeg(number, size), **header)


def stop(seq: int | None = None, producer: str | None = None, *, stream: str = "cam1") -> Stop:
    """Returns the end of a stream."""
    return Stop(AllClients(stream), seq, producer)


def stop_for(client: str, seq: int | None = None, producer: str | None = None) -> Stop:
    """Returns the end of the stream for one client."""
    return Stop(OneClient(client), seq, producer)


def encoder(
    content_type: str = "image/jpeg", part_headers: Mapping[str, str] | None = None
) -> Encoder:
    return Encoder(TOKEN, content_type, part_headers or {})


def part(number: int = 0, size: int = 0, **header: Any) -> Part:
    """Returns a part of an image, for all."""
    return encoder().encode(frame(number, size, **header))


def text_part(number: int = 0) -> Part:
    """Returns a part that is no image, for all."""
    return encoder().encode(text_frame(number))


def targeted(number: int = 0, size: int = 0) -> Part:
    """Returns a part of an image, for one client."""
    made = part(number, size)
    made.targeted = True
    return made


def sized(number: int, size: int) -> Part:
    """Returns a part of an image whose bytes on the wire are so many, at least 200."""
    body = size - 100
    while (made := part(number, body)).size != size:
        body += size - made.size
    return made


def no_part(part: Part) -> bool:
    """Names no part: all that wait are delivered before the end."""
    del part
    return False
