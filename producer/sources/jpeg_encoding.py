"""Drawn and decoded pictures as JPEG."""

from __future__ import annotations

import io

from PIL import Image


def encoded(image: Image.Image, quality: int) -> bytes:
    """Returns an image as baseline JPEG; `quality` is Pillow's, 1 to 95."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
