"""A reader of a stream as strict as RFC 2046 and the project's promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.e2e.processes import jpeg, number_of

_BOUNDARY: Final = re.compile(rb"\r\nContent-Type: multipart/x-mixed-replace; boundary=(\w+)\r\n")
_LENGTH: Final = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


class TornError(Exception):
    """What came is not what RFC 2046 and the project promise."""


class Reading:
    """Takes a response apart as it comes, whole parts only."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._delimiter: bytes | None = None
        self._closing = False

    @property
    def begun(self) -> bool:
        """Whether the head has come."""
        return self._delimiter is not None

    @property
    def ended(self) -> bool:
        """Whether the closing delimiter has come, and nothing behind it."""
        return self._closing and not self._buffer

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Yields the payload of each part that is complete; raises TornError."""
        self._buffer += received
        if self._delimiter is None and not self._take_head():
            return
        while not self._closing and (body := self._take_part()) is not None:
            yield body
        if self._closing and self._buffer:
            raise TornError(f"behind the closing delimiter: {bytes(self._buffer[:80])!r}")

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[: end + 2])
        match = _BOUNDARY.search(head)
        if match is None or not head.startswith(b"HTTP/1.1 200 "):
            raise TornError(f"no stream: {head!r}")
        self._delimiter = b"\r\n--" + match[1]
        # The first delimiter has no line end of its own before it: the head's is taken for it.
        del self._buffer[: end + 2]
        self._expect(0, self._delimiter)
        return True

    def _take_part(self) -> bytes | None:
        """Takes one part, with the delimiter behind it; None where it is not all there."""
        assert self._delimiter is not None
        start = len(self._delimiter)
        if len(self._buffer) < start + 4:
            return None
        if self._buffer.startswith(b"--\r\n", start):
            del self._buffer[: start + 4]
            self._closing = True
            return None
        self._expect(start, b"\r\n")
        head = self._buffer.find(b"\r\n\r\n", start)
        if head < 0:
            return None
        return self._take_body(self._buffer[start : head + 2], head + 4)

    def _take_body(self, head: bytearray, begin: int) -> bytes | None:
        assert self._delimiter is not None
        length = _LENGTH.search(head)
        if length is None:
            raise TornError(f"no length: {head!r}")
        end = begin + int(length[1])
        if len(self._buffer) < end + len(self._delimiter):
            return None
        self._expect(end, self._delimiter)
        body = bytes(self._buffer[begin:end])
        del self._buffer[:end]
        if body != jpeg(number_of(body), len(body)):
            raise TornError(f"a payload that nobody sent: {body[:80]!r}")
        return body

    def _expect(self, at: int, wanted: bytes) -> None:
        found = bytes(self._buffer[at : at + len(wanted)])
        if not wanted.startswith(found):
            raise TornError(f"{wanted!r} is due, {found!r} came")
