"""Where the delimiters of a multipart stream are (RFC 2046 5.1.1). No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

# Bytes before a delimiter that belong to no part (preamble); with more it is another stream.
MAX_SKIPPED_BYTES: Final = 64 * 1024

# Bytes of a boundary; RFC 2046 allows 70, some cameras' firmware uses more.
MAX_BOUNDARY_BYTES: Final = 200

# Blanks after a boundary (RFC 2046: transport padding); nobody is known to send more than one.
MAX_PADDING_BYTES: Final = 64

_PADDING: Final = rb"[ \t]{0,%d}" % MAX_PADDING_BYTES
_FIRST_LINE: Final = re.compile(rb"[\r\n]*--([^\r\n]{1,%d}?)[ \t]*\r?\n" % MAX_BOUNDARY_BYTES)
# A first line that is surely a delimiter, as a header is in the next.
_FIRST_PART: Final = re.compile(
    rb"[\r\n]{0,8}--([^\r\n]{1,%d}?)" % MAX_BOUNDARY_BYTES + _PADDING + rb"\r?\n[!-9;-~]{1,64}:"
)

# Bytes that such a line, and so much of the next, take at most.
FIRST_PART_BYTES: Final = 8 + 2 + MAX_BOUNDARY_BYTES + MAX_PADDING_BYTES + 2 + 64 + 1


@dataclass(frozen=True, slots=True)
class Delimiter:
    """A delimiter in a buffer, from the line end before it (which is its own) to its line's end."""

    start: int
    end: int
    closing: bool
    crlf: bool


class Delimiters:
    """Finds the delimiters of one boundary.

    Cameras that name a boundary with leading dashes often mean the whole delimiter, so both
    readings are looked for; a line cannot be both.
    """

    def __init__(self, boundary: bytes) -> None:
        self.lines = (b"--" + boundary, *([boundary] if boundary.startswith(b"--") else []))
        line = b"(?:" + b"|".join(map(re.escape, self.lines)) + b")"
        rest = b"(?:(?P<closing>--)|" + _PADDING + rb"(?P<eol>\r?\n))"
        self._after_crlf = re.compile(rb"\r?\n" + line + rest)
        self._after_lf = re.compile(rb"\n" + line + rest)
        self._at_last = re.compile(rb"\r?\n" + line + rb"(?:-?|" + _PADDING + rb"\r?)\Z")
        self._beyond_length = re.compile(rb"(?P<eol>[\r\n]{0,4})" + line)
        self.longest = len(self.lines[0]) + MAX_PADDING_BYTES + 4

    @classmethod
    def of_first_line(cls, buffer: bytearray) -> Self | None:
        """Takes the boundary of a stream whose first line is a delimiter; None: it is not."""
        match = _FIRST_LINE.match(buffer)
        return cls(match[1]) if match else None

    def or_first_part(self, buffer: bytearray) -> Delimiters:
        """Returns those of a stream whose first line is a delimiter of another boundary, or these.

        `FIRST_PART_BYTES` of the stream tell; more never change the answer.
        """
        match = _FIRST_PART.match(buffer)
        mistaken = match is not None and b"--" + match[1] not in self.lines
        return Delimiters(match[1]) if match and mistaken else self

    def find(self, buffer: bytearray, start: int, *, crlf: bool = True) -> Delimiter | None:
        """Finds the first whole delimiter; `crlf` False keeps a CR before it in the body."""
        pattern = self._after_crlf if crlf else self._after_lf
        match = pattern.search(buffer, start)
        if match is None:
            return None
        closing = match["closing"] is not None
        return Delimiter(match.start(), match.end(), closing, crlf=match["eol"] == b"\r\n")

    def find_unfinished(self, buffer: bytearray) -> int | None:
        """Finds where a delimiter starts that lacks its line end at the end of all bytes."""
        match = self._at_last.search(buffer, max(0, len(buffer) - self.longest))
        return match.start() if match else None

    def end_of_sized_body(self, buffer: bytearray, length: int, *, crlf: bool) -> int | None:
        """Tells where a body of a given length ends; None: no delimiter follows there.

        Some lengths count the line end before the delimiter, which is the delimiter's; some
        servers send none there, or more than one.
        """
        match = self._beyond_length.match(buffer, length)
        if match is None:
            return None
        end = match.end("eol")
        line_end = rb"\r?\n" if crlf else rb"\n"
        own = re.search(line_end + rb"\Z", buffer[max(0, end - 2) : end])
        return min(length, end - len(own[0]) if own else end)

    def may_follow(self, buffer: bytearray, at: int) -> bool:
        """Tells whether all bytes end at `at`, or with the beginning of a delimiter after it."""
        rest = bytes(buffer[at:]).strip()
        begins = any((line + b"--").startswith(rest) for line in self.lines)
        return at <= len(buffer) and begins
