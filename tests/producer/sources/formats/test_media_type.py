"""Images are known by their first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from producer.sources.formats.media_type import HEAD_BYTES, image_type


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "bmp", "avif"])
def test_images_are_known_by_their_first_bytes(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    assert image_type(out.getvalue()[:HEAD_BYTES]) == f"image/{kind}"


@pytest.mark.parametrize(
    "head", [b"", b"\xff\xd8", b"<html>", b"RIFF....AVI LIST", b"....ftypisom"]
)
def test_other_bytes_are_no_image(head: bytes) -> None:
    assert image_type(head) is None
