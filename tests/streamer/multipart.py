"""A strict reader of a multipart body (RFC 2046, 5.1), with and without lengths."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .frames import TOKEN, number_of


@dataclass(frozen=True)
class ReadPart:
    """One part as a reader finds it."""

    headers: dict[str, str]
    body: bytes

    @property
    def number(self) -> int:
        return number_of(self.body)


@dataclass(frozen=True)
class Body:
    """A body as far as it has come.

    Attributes:
        parts: the parts that are whole.
        closed: whether the closing delimiter has come, and nothing behind it.
        rest: what has come of a part that is not whole yet.

    """

    parts: list[ReadPart]
    closed: bool
    rest: bytes

    @property
    def numbers(self) -> list[int]:
        return [each.number for each in self.parts]


def read_body(wire: bytes | bytearray, token: str = TOKEN) -> Body:
    """Reads a body from its first byte on; fails where it is none."""
    delimiter = b"--" + token.encode()
    wire = bytes(wire)
    assert wire.startswith(delimiter), wire[:80]
    at = len(delimiter)
    parts: list[ReadPart] = []
    while True:
        if wire[at : at + 1] == b"-":
            assert b"--\r\n".startswith(wire[at:]), wire[at : at + 80]
            return Body(parts, wire[at:] == b"--\r\n", b"")
        assert b"\r\n".startswith(wire[at : at + 2]), wire[at : at + 80]
        head_end = wire.find(b"\r\n\r\n", at)
        found = None if head_end < 0 else _part(wire, at + 2, head_end, b"\r\n" + delimiter)
        if found is None:
            return Body(parts, closed=False, rest=wire[at:])
        part, at = found
        parts.append(part)


def _part(wire: bytes, at: int, head_end: int, delimiter: bytes) -> tuple[ReadPart, int] | None:
    headers = {}
    for line in wire[at:head_end].split(b"\r\n"):
        assert re.fullmatch(rb"[!#-'*+\-.^-z|~0-9A-Z]+: [\x20-\x7e\x80-\xff]*", line), line
        name, _, value = line.decode("latin-1").partition(": ")
        assert name not in headers, f"{name} stands twice"
        headers[name] = value
    start = head_end + 4
    length = headers.get("Content-Length")
    end = wire.find(delimiter, start) if length is None else start + int(length)
    behind = end + len(delimiter)
    if end < 0 or len(wire) < behind:
        return None
    assert wire[end:behind] == delimiter, wire[end:behind]
    return ReadPart(headers, wire[start:end]), behind
