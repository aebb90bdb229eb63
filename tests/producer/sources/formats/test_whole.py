"""Whether images go to their end, tried on what Pillow writes."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from producer.sources.formats.media_type import HEAD_BYTES, image_type
from producer.sources.formats.whole import is_whole

NOISE = Image.effect_noise((64, 48), 60).convert("RGB")
FORMATS = [
    pytest.param("jpeg", {}, id="jpeg"),
    pytest.param("jpeg", {"progressive": True}, id="progressive jpeg"),
    pytest.param("jpeg", {"restart_marker_rows": 1}, id="jpeg with restarts"),
    pytest.param("png", {}, id="png"),
    pytest.param("webp", {}, id="webp"),
    pytest.param("gif", {}, id="gif"),
    pytest.param("gif", {"save_all": True, "append_images": [NOISE.rotate(9)]}, id="moving gif"),
    pytest.param("bmp", {}, id="bmp"),
    pytest.param(
        "avif",
        {},
        id="avif",
        marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"),
    ),
]


def written(kind: str, options: dict[str, object]) -> bytes:
    out = io.BytesIO()
    NOISE.save(out, kind, **options)
    return out.getvalue()


def looks_whole(body: bytes) -> bool:
    media_type = image_type(body[:HEAD_BYTES])
    assert media_type is not None
    return is_whole(body, media_type)


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_an_image_is_whole_also_with_something_behind_it(
    kind: str, options: dict[str, object]
) -> None:
    body = written(kind, options)
    assert looks_whole(body)
    assert looks_whole(body + b"more")


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_an_image_that_is_cut_off_anywhere_is_not_whole(
    kind: str, options: dict[str, object]
) -> None:
    body = written(kind, options)
    last = body.rfind(b"\x00;") if kind == "gif" else len(body)
    whole = [end for end in range(HEAD_BYTES, last) if looks_whole(body[:end])]
    # A GIF without its trailer is taken: one that moves may end behind its first image, and
    # behind the extension after that.
    assert len(whole) == (2 if "save_all" in options else 0)


def test_damage_in_a_png_is_seen() -> None:
    body = bytearray(written("png", {}))
    body[len(body) // 2] ^= 1
    assert not looks_whole(bytes(body))


def test_a_jpeg_without_a_scan_or_a_frame_header_is_not_whole() -> None:
    body = written("jpeg", {})
    scan = body.index(b"\xff\xda")
    frame = body.index(b"\xff\xc0")
    assert not looks_whole(body[:scan] + b"\xff\xd9")
    assert not looks_whole(body[:frame] + body[scan:])


def test_the_thumbnail_in_a_jpeg_is_not_taken_for_it() -> None:
    body = written("jpeg", {})
    thumbnail = b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body
    assert looks_whole(body[:2] + thumbnail + body[2:])
    assert not looks_whole(body[:2] + thumbnail + body[2:-40])


def test_a_type_that_is_not_known_counts_as_whole() -> None:
    assert is_whole(b"", "image/svg+xml")
