"""Whether an image file goes to its end, by the lengths and markers in it. No I/O.

A browser that meets a broken image in a stream shows none that comes after it. Nothing is
decoded: what breaks is files that are still written, or that lost their end.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

from producer.sources.formats.huffman import segment_codes
from producer.sources.formats.jpeg import JpegError, JpegSplitter

_PNG_SIGNATURE_BYTES: Final = 8
_SOS_CODE: Final = 0xDA
# T.81 table B.1: SOF0 to SOF15, without DHT, JPG and DAC in between.
_FRAME_CODES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def is_whole(body: bytes, media_type: str) -> bool:
    """Tells whether an image of a type that `image_type` knows has all its parts to its end.

    What follows the end is no matter: phones and cameras add to it.
    """
    check = _CHECKS.get(media_type)
    return check is None or check(body)


def _whole_jpeg(body: bytes) -> bool:
    """From SOI to EOI, with a frame header and a scan; Huffman tables may be missing."""
    try:
        image = next(JpegSplitter(len(body)).feed(body), b"")
    except JpegError:
        return False
    if not image or not body.startswith(image):
        return False
    framed = False
    for code in segment_codes(image):
        if code == _SOS_CODE:
            return framed
        framed = framed or code in _FRAME_CODES
    return False


def _whole_png(body: bytes) -> bool:
    """From IHDR to IEND, with data, and no damage in what every reader needs (PNG 5.3, 5.4)."""
    expected, has_data = b"IHDR", False
    for kind, start, end in _png_chunks(body):
        if expected not in {kind, b""} or end + 4 > len(body):
            return False
        is_critical = not kind[0] & 0x20
        checksum = int.from_bytes(body[end : end + 4])
        if is_critical and zlib.crc32(memoryview(body)[start - 4 : end]) != checksum:
            return False
        if kind == b"IEND":
            return has_data
        expected, has_data = b"", has_data or kind == b"IDAT"
    return False


def _png_chunks(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields the type of each chunk, and where its data begins and ends."""
    at = _PNG_SIGNATURE_BYTES
    while at + 8 <= len(body):
        start = at + 8
        end = start + int.from_bytes(body[at : at + 4])
        yield body[at + 4 : start], start, end
        at = end + 4


def _whole_webp(body: bytes) -> bool:
    """The length that the RIFF header tells, and a chunk in it (RFC 9649, 2.4)."""
    length = int.from_bytes(body[4:8], "little")
    return 12 < length <= len(body) - 8


def _whole_gif(body: bytes) -> bool:
    """All blocks, with an image among them; the trailer may be missing (GIF89a, appendix A)."""
    at, has_image = 13 + _colours_bytes(body, 10), False
    while at < len(body) and body[at] != 0x3B:
        match body[at]:
            case 0x21:
                at = _behind_blocks(body, at + 2)
            case 0x2C:
                at = _behind_blocks(body, at + 11 + _colours_bytes(body, at + 9))
                has_image = True
            case _:
                return False
    return has_image and at <= len(body)


def _colours_bytes(body: bytes, at: int) -> int:
    """Returns the length of the colour table that the flags at `at` tell of."""
    flags = body[at] if at < len(body) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _behind_blocks(body: bytes, at: int) -> int:
    """Returns where a chain of data blocks ends; beyond the end where it is cut off."""
    while at < len(body) and body[at]:
        at += 1 + body[at]
    return at + 1


def _whole_bmp(body: bytes) -> bool:
    """The length that the header tells, and pixels in it."""
    length, pixels = (int.from_bytes(body[at : at + 4], "little") for at in (2, 10))
    return length <= len(body) and 26 <= pixels < len(body)


def _whole_boxes(body: bytes) -> bool:
    """All boxes to their ends, with description and data among them (ISO/IEC 14496-12, 4.2)."""
    at, kinds = 0, set()
    while at + 8 <= len(body):
        length = int.from_bytes(body[at : at + 4])
        kinds.add(body[at + 4 : at + 8])
        if length == 0:
            length = len(body) - at
        elif length == 1:
            length = int.from_bytes(body[at + 8 : at + 16])
        if length < 8:
            return False
        at += length
    return at <= len(body) and b"mdat" in kinds and bool(kinds & {b"meta", b"moov"})


_CHECKS: Final[dict[str, Callable[[bytes], bool]]] = {
    "image/jpeg": _whole_jpeg,
    "image/png": _whole_png,
    "image/webp": _whole_webp,
    "image/gif": _whole_gif,
    "image/bmp": _whole_bmp,
    "image/avif": _whole_boxes,
    "image/heic": _whole_boxes,
}
