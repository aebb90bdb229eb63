"""A multipart stream cut into parts: bytes in, parts out. No I/O.

The form is that of RFC 2046 5.1.1, with the liberties that cameras take: line ends of LF alone,
a boundary parameter that carries the leading dashes of the delimiter or names another one, an
empty line before the headers, a missing or wrong Content-Length, no closing delimiter. How the
bytes are portioned never changes the parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

from producer.sources.formats.delimiter import (
    FIRST_PART_BYTES,
    MAX_SKIPPED_BYTES,
    Delimiter,
    Delimiters,
)
from producer.sources.formats.part import MAX_HEADER_BYTES, Part, content_length, header_fields
from producer.sources.source import MAX_PICTURE_BYTES

_HEADERS_END: Final = re.compile(rb"(?:\A|\n)\r?\n")

# What tells that an empty line before it has not ended the headers.
_LATE_HEADERS: Final = (b"content-type:", b"content-length:")


class MultipartError(Exception):
    """Bytes that are no multipart stream within the limits; the text says which."""


class _State(Enum):
    SEEKING = auto()  # the next delimiter; what comes before it belongs to no part
    HEADERS = auto()
    SIZED = auto()  # a body whose length is said to be known
    SCANNING = auto()  # a body that goes on to the next delimiter
    CLOSED = auto()


class _Late(Enum):
    SEEN = auto()
    POSSIBLE = auto()  # the next bytes will tell
    NONE = auto()


class MultipartDecoder:
    """Takes bytes in any portions and gives the parts as soon as they are complete.

    A body with a Content-Length is complete when a delimiter follows it, or already when
    `looks_whole` says so: many servers send the delimiter only with the next part. Once a length
    is not confirmed by a delimiter, lengths are ignored and delimiters searched for instead.

    Without a `boundary` that of the stream's first line is taken; so it is where the first line is
    a delimiter of another one.
    """

    def __init__(
        self,
        boundary: str | None = None,
        *,
        looks_whole: Callable[[bytes], bool] = lambda _body: False,
        max_part_bytes: int = MAX_PICTURE_BYTES,
        max_header_bytes: int = MAX_HEADER_BYTES,
    ) -> None:
        self._looks_whole = looks_whole
        self._max_part_bytes = max_part_bytes
        self._max_header_bytes = max_header_bytes
        self._delimiters = Delimiters(boundary.encode("latin-1", "replace")) if boundary else None
        self._buffer = bytearray(b"\n")  # a stream begins where a line begins
        self._state = _State.SEEKING
        self._searched = 0  # bytes of the buffer that need no second look
        self._begun = False  # whether a delimiter was found
        self._skipped = 0  # bytes dropped since the state is SEEKING
        self._lengths_hold = True
        self._crlf = True
        self._headers: dict[str, str] = {}
        self._length = 0

    @property
    def closed(self) -> bool:
        """Whether the closing delimiter was seen; what follows is ignored."""
        return self._state is _State.CLOSED

    def feed(self, data: bytes) -> Iterator[Part]:
        """Takes the next bytes; yields the parts that are complete now. To be run to its end.

        Raises:
            MultipartError: a part, its headers or what precedes a delimiter is too large.

        """
        if not self.closed:
            self._buffer += data
        while outcome := self._step():
            if isinstance(outcome, Part):
                yield outcome

    def finish(self) -> Iterator[Part]:
        """Takes the end of the stream; yields the parts that are complete after all."""
        if self._state is _State.SIZED:
            if self._known_delimiters().may_follow(self._buffer, self._length):
                yield self._sized_part(self._body(self._length))
            else:
                self._lengths_hold, self._state = False, _State.SCANNING
        yield from self.feed(b"")
        body = self._last_body() if self._state is _State.SCANNING else None
        self._enter(_State.CLOSED, len(self._buffer))
        if body is not None:
            yield Part(body, self._headers)

    def _step(self) -> Part | bool:
        """Does what the bytes at hand allow; returns a part, or whether there may be more to do."""
        match self._state:
            case _State.SEEKING:
                return self._seek()
            case _State.HEADERS:
                return self._read_headers()
            case _State.SIZED:
                return self._read_sized()
            case _State.SCANNING:
                return self._scan()
            case _State.CLOSED:
                return False

    def _seek(self) -> bool:
        if self._delimiters is None:
            return self._learn_boundary()
        if not self._begun:
            self._delimiters = self._delimiters.or_first_part(self._buffer)
        found = self._delimiters.find(self._buffer, 0)
        before = found.start if found else len(self._buffer) - self._delimiters.longest
        _check(self._skipped + before, MAX_SKIPPED_BYTES, "what precedes a delimiter")
        if found is None:
            if self._begun or len(self._buffer) + self._skipped >= FIRST_PART_BYTES:
                self._skipped += max(before, 0)
                del self._buffer[: max(before, 0)]
            return False
        return self._pass(found)

    def _learn_boundary(self) -> bool:
        self._delimiters = Delimiters.of_first_line(self._buffer)
        if self._delimiters is None:
            _check(len(self._buffer), MAX_SKIPPED_BYTES, "what precedes a delimiter")
        return self._delimiters is not None

    def _read_headers(self) -> bool:
        end = _HEADERS_END.search(self._buffer, max(0, self._searched - 2))
        self._searched = len(self._buffer)
        _check(end.start() if end else self._searched - 2, self._max_header_bytes, "a header")
        if end is None:
            return False
        if end.start() == 0 and (outcome := self._late_headers(end.end())) is not _Late.NONE:
            self._searched = 0
            return outcome is _Late.SEEN
        self._headers = header_fields(bytes(self._buffer[: end.start()]))
        self._enter(_State.SCANNING, end.end())
        length = content_length(self._headers)
        # One beyond the limit may be wrong like any other.
        if length is not None and length <= self._max_part_bytes and self._lengths_hold:
            self._state, self._length = _State.SIZED, length
        return True

    def _late_headers(self, at: int) -> _Late:
        """Skips an empty line, which ends at `at`, where the headers follow it after all."""
        longest = max(map(len, _LATE_HEADERS))
        begins = bytes(self._buffer[at : at + longest]).lower()
        if begins.startswith(_LATE_HEADERS):
            del self._buffer[:at]
            return _Late.SEEN
        possible = any(header.startswith(begins) for header in _LATE_HEADERS)
        return _Late.POSSIBLE if possible else _Late.NONE

    def _read_sized(self) -> Part | bool:
        if len(self._buffer) < self._length:
            return False
        body = self._body(self._length)
        if self._looks_whole(body):
            return self._sized_part(body)
        delimiters = self._known_delimiters()
        end = delimiters.end_of_sized_body(self._buffer, self._length, crlf=self._crlf)
        if end is not None:
            return self._sized_part(self._body(end))
        if len(self._buffer) >= self._length + delimiters.longest:
            self._lengths_hold, self._state = False, _State.SCANNING
        return self._state is _State.SCANNING

    def _scan(self) -> Part | bool:
        delimiters = self._known_delimiters()
        searched = max(0, self._searched - delimiters.longest)
        found = delimiters.find(self._buffer, searched, crlf=self._crlf)
        self._searched = len(self._buffer)
        size = found.start if found else self._searched - delimiters.longest
        _check(size, self._max_part_bytes, "a part")
        if found is None:
            return False
        part = Part(self._body(found.start), self._headers)
        self._pass(found)
        return part

    def _sized_part(self, body: bytes) -> Part:
        # What follows the body counts as the beginning of a line: some send no line end there.
        self._buffer[: self._length] = b"\n"
        self._enter(_State.SEEKING, 0)
        return Part(body, self._headers)

    def _pass(self, delimiter: Delimiter) -> bool:
        self._begun, self._crlf = True, delimiter.crlf
        self._enter(_State.CLOSED if delimiter.closing else _State.HEADERS, delimiter.end)
        return True

    def _enter(self, state: _State, at: int) -> None:
        del self._buffer[:at]
        self._state, self._searched, self._skipped = state, 0, 0

    def _last_body(self) -> bytes | None:
        end = self._known_delimiters().find_unfinished(self._buffer)
        if end is not None:
            return self._body(end)
        body = bytes(self._buffer).rstrip(b"\r\n")
        return body if self._looks_whole(body) else None

    def _body(self, length: int) -> bytes:
        return bytes(memoryview(self._buffer)[:length])

    def _known_delimiters(self) -> Delimiters:
        assert self._delimiters is not None, "a part is only found behind a delimiter"
        return self._delimiters


def _check(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise MultipartError(f"{what} is larger than the {limit} bytes allowed")
