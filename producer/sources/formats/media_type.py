"""Which kind of image some bytes are, by their content and not by a file's name."""

from __future__ import annotations

from typing import Final

# Bytes from the front of a file that tell all the kinds apart.
HEAD_BYTES: Final = 32

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)

# Major brands of ISO base media files that are images (ISO/IEC 23008-12, AV1 Image File).
_BRANDS: Final = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic"}


def image_type(head: bytes) -> str | None:
    """Tells the media type of an image by its first `HEAD_BYTES` bytes; None: no image we know."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    return None
