"""JPEG images cut out of a stream of bytes, by their markers. No I/O.

ITU T.81 (JPEG) annex B: an image goes from SOI to EOI; in between are marker segments with a
length, and after each SOS segment entropy-coded data, in which FF is stuffed with 00 or begins a
restart marker. A thumbnail with an EOI of its own lies inside a segment and is skipped with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from producer.sources.source import MAX_PICTURE_BYTES

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"

_BEGINNING: Final = SOI + b"\xff"  # of the marker that has to follow

_SOI_CODE: Final = 0xD8
_EOI_CODE: Final = 0xD9
_SOS_CODE: Final = 0xDA
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM, RST0 to RST7: no length follows

_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


class JpegError(Exception):
    """Bytes that cannot be taken for JPEG images."""


class _Step(Enum):
    ON = auto()
    STARVED = auto()
    IMAGE = auto()
    BROKEN = auto()


class JpegSplitter:
    """Takes bytes in any portions and gives whole JPEG images.

    What lies between images is skipped, and so is an image that breaks off where the next begins.
    """

    def __init__(self, max_image_bytes: int = MAX_PICTURE_BYTES) -> None:
        self._max_image_bytes = max_image_bytes
        self._buffer = bytearray()
        self._at = 0
        self._in_image = False
        self._in_scan = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Takes the next bytes; yields the images that are complete now. To be run to its end.

        Raises:
            JpegError: an image larger than `max_image_bytes`.

        """
        self._buffer += data
        while (step := self._step()) is not _Step.STARVED:
            if step is _Step.IMAGE:
                yield self._taken()
            elif step is _Step.BROKEN:
                self._drop(self._at)
        self._check_size(len(self._buffer))

    def _step(self) -> _Step:
        if not self._in_image:
            return self._find_image()
        if self._in_scan:
            return self._pass_scan()
        return self._pass_marker()

    def _find_image(self) -> _Step:
        start = self._buffer.find(_BEGINNING)
        if start < 0:
            # The last two bytes may be the first ones of a beginning.
            del self._buffer[: -(len(_BEGINNING) - 1)]
            return _Step.STARVED
        del self._buffer[:start]
        self._in_image, self._at = True, len(SOI)
        return _Step.ON

    def _pass_scan(self) -> _Step:
        match = _SCAN_END.search(self._buffer, self._at)
        if match is None:
            self._at = max(self._at, len(self._buffer) - 1)
            return _Step.STARVED
        self._in_scan, self._at = False, match.start()
        return _Step.ON

    def _pass_marker(self) -> _Step:
        at = self._at
        while self._buffer[at : at + 2] == b"\xff\xff":  # fill bytes, T.81 B.1.1.2
            at += 1
        self._at = at
        if len(self._buffer) < at + 2:
            return _Step.STARVED
        code = self._buffer[at + 1]
        if self._buffer[at] != 0xFF or code in {0x00, _SOI_CODE}:
            return _Step.BROKEN
        if code == _EOI_CODE or code in _STANDALONE:
            self._at = at + 2
            return _Step.IMAGE if code == _EOI_CODE else _Step.ON
        return self._pass_segment(code)

    def _pass_segment(self, code: int) -> _Step:
        start = self._at + 2
        if len(self._buffer) < start + 2:
            return _Step.STARVED
        length = int.from_bytes(self._buffer[start : start + 2])
        if length < 2:
            return _Step.BROKEN
        if len(self._buffer) < start + length:
            return _Step.STARVED
        self._at, self._in_scan = start + length, code == _SOS_CODE
        return _Step.ON

    def _check_size(self, size: int) -> None:
        if size > self._max_image_bytes:
            raise JpegError(f"a JPEG image is larger than {self._max_image_bytes} bytes")

    def _taken(self) -> bytes:
        self._check_size(self._at)
        image = bytes(memoryview(self._buffer)[: self._at])
        self._drop(self._at)
        return image

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at, self._in_image, self._in_scan = 0, False, False


def looks_whole(body: bytes) -> bool:
    """Tells whether bytes begin and end as a JPEG image does; a quick look, no proof."""
    return body.startswith(SOI) and body.endswith(EOI)
