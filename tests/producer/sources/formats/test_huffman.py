"""Standard tables for images that come without."""

from __future__ import annotations

import io
import re

from PIL import Image

from producer.sources.formats.huffman import STANDARD_TABLES, with_tables


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((48, 32), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def without_tables(image: bytes) -> bytes:
    segments = list(re.finditer(rb"\xff\xc4(..)", image, re.DOTALL))
    for segment in reversed(segments):
        end = segment.start() + 2 + int.from_bytes(segment[1])
        image = image[: segment.start()] + image[end:]
    return image


def pixels(image: bytes) -> bytes:
    return Image.open(io.BytesIO(image)).tobytes()


def test_an_image_with_tables_is_left_alone() -> None:
    image = jpeg()
    assert with_tables(image) is image


def test_an_image_without_tables_is_readable_again() -> None:
    image = jpeg()
    bare = without_tables(image)
    assert len(bare) == len(image) - len(STANDARD_TABLES)
    assert pixels(with_tables(bare)) == pixels(image)


def test_the_tables_are_those_every_encoder_uses_unless_it_optimises() -> None:
    image = jpeg()
    for table in re.findall(rb"\xff\xc4.{29,181}?(?=\xff)", STANDARD_TABLES + b"\xff", re.DOTALL):
        assert table in image
