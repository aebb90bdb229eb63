"""The JPEG splitter with real images, thumbnails within them, and noise between them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from producer.sources.formats.jpeg import JpegError, JpegSplitter, looks_whole


def jpeg(colour: str = "red", *, size: tuple[int, int] = (40, 30), **settings: object) -> bytes:
    out = io.BytesIO()
    noise = Image.effect_noise(size, 80).convert("RGB")
    image = Image.blend(noise, Image.new("RGB", size, colour), 0.5)
    image.save(out, "JPEG", **settings)
    return out.getvalue()


def with_segment(image: bytes, content: bytes) -> bytes:
    """Puts an APP1 segment behind SOI, as EXIF does with its thumbnail."""
    return image[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2) + content + image[2:]


PLAIN = jpeg()
THUMBNAILED = with_segment(jpeg("green"), b"Exif\x00\x00" + jpeg(size=(8, 8)))
PROGRESSIVE = jpeg("blue", progressive=True)
RESTARTED = jpeg("yellow", restart_marker_blocks=1)
IMAGES = [PLAIN, THUMBNAILED, PROGRESSIVE, RESTARTED]


def split(portions: Iterable[bytes], splitter: JpegSplitter | None = None) -> list[bytes]:
    splitter = splitter or JpegSplitter()
    return [image for portion in portions for image in splitter.feed(portion)]


def test_concatenated_images_come_out_one_by_one() -> None:
    assert split([b"".join(IMAGES)]) == IMAGES


def test_an_image_is_out_with_its_last_byte() -> None:
    splitter = JpegSplitter()
    assert split([THUMBNAILED[:-1]], splitter) == []
    assert split([THUMBNAILED[-1:]], splitter) == [THUMBNAILED]


def test_images_may_come_byte_by_byte() -> None:
    wire = b"".join(IMAGES)
    assert split(wire[at : at + 1] for at in range(len(wire))) == IMAGES


def test_restart_markers_and_stuffed_bytes_are_in_the_test_images() -> None:
    assert b"\xff\xd3" in RESTARTED
    assert any(b"\xff\x00" in image for image in IMAGES)
    assert PROGRESSIVE.count(b"\xff\xda") > 1


def test_noise_between_images_is_skipped() -> None:
    noise = b"\r\n\x00\xff\xff\xd8 \xff\xd9"
    assert split([noise + PLAIN + noise + PLAIN + noise]) == [PLAIN, PLAIN]


def test_fill_bytes_before_a_marker_belong_to_the_image() -> None:
    filled = PLAIN[:2] + b"\xff\xff" + PLAIN[2:-2] + b"\xff" + PLAIN[-2:]
    assert split([filled + PLAIN]) == [filled, PLAIN]


def test_an_image_that_breaks_off_is_dropped_and_the_next_one_found() -> None:
    assert split([RESTARTED[:-30] + PLAIN]) == [PLAIN]


def test_a_segment_of_impossible_length_is_dropped_and_the_next_image_found() -> None:
    assert split([b"\xff\xd8\xff\xe1\x00\x01" + PLAIN]) == [PLAIN]


@pytest.mark.parametrize("portion", [1, 64, 100_000])
def test_an_image_over_the_limit_is_refused(portion: int) -> None:
    splitter = JpegSplitter(max_image_bytes=len(PLAIN))
    assert split([PLAIN], splitter) == [PLAIN]
    large = with_segment(PLAIN, b"")
    with pytest.raises(JpegError, match="larger than"):
        split((large[at : at + portion] for at in range(0, len(large), portion)), splitter)


def test_endless_noise_takes_no_memory() -> None:
    splitter = JpegSplitter(max_image_bytes=100)
    assert split([b"noise" * 1000] * 10, splitter) == []


@given(
    st.lists(st.sampled_from([*IMAGES, b"noise", b"\xff", b"\xff\xd8", b"\xff\xd9", PLAIN[:200]])),
    st.lists(st.integers(0, 10_000), max_size=10),
)
def test_no_portioning_changes_the_images(pieces: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(pieces)
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    portions = [wire[start:end] for start, end in itertools.pairwise(edges)]
    assert split(portions) == split([wire])


def test_a_whole_image_looks_whole_and_a_cut_one_does_not() -> None:
    assert looks_whole(PLAIN)
    assert not looks_whole(PLAIN[:-1])
    assert not looks_whole(PLAIN[1:])
