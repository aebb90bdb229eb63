"""What cameras get wrong about boundaries, empty lines and lengths, however it is portioned."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from producer.sources.formats.multipart import MultipartDecoder
from tests.producer.sources.formats.test_multipart import BODIES, bodies, decoded, right, stream


def portionings(wire: bytes) -> Iterable[list[bytes]]:
    yield [wire[at : at + 1] for at in range(len(wire))]
    yield from ([wire[:at], wire[at:]] for at in range(0, len(wire), 3))


@pytest.mark.parametrize("named", ["other", "'frame'", "frame, multipart/x-mixed-replace"])
@pytest.mark.parametrize("before", [b"", b"\r\n"])
def test_a_first_line_that_is_another_delimiter_is_believed(named: str, before: bytes) -> None:
    for portions in portionings(before + stream()):
        assert bodies(portions, MultipartDecoder(named)) == BODIES


def test_a_preamble_that_begins_with_dashes_is_no_delimiter() -> None:
    for preamble in (b"--hello\r\n", b"--hello\r\n\r\n", b"--hello\r\nto you\r\n", b"--\r\n"):
        for portions in portionings(preamble + stream()):
            assert bodies(portions) == BODIES


def test_an_empty_line_before_the_headers_is_skipped() -> None:
    wire = stream(lengths=right()).replace(b"--frame\r\n", b"--frame\r\n\r\n")
    for portions in portionings(wire):
        parts = decoded(portions)
        assert [body for body, _ in parts] == BODIES
        assert {headers["content-type"] for _, headers in parts} == {"image/jpeg"}


@pytest.mark.parametrize("body", [b"Con", b"content", b"Contents: none", b"", b"Note: no header"])
def test_a_part_without_headers_keeps_its_body(body: bytes) -> None:
    for portions in portionings(b"--frame\r\n\r\n" + body + b"\r\n--frame--\r\n"):
        assert decoded(portions) == [(body, {})]


def test_a_length_beyond_the_limit_is_ignored_where_a_delimiter_comes_within_it() -> None:
    wire = stream(lengths=[999_999_999] * len(BODIES))
    for portions in portionings(wire):
        assert bodies(portions, MultipartDecoder("frame", max_part_bytes=100)) == BODIES
