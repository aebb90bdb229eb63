"""What headers say about a part."""

from __future__ import annotations

import pytest

from producer.sources.formats.part import (
    boundary_of,
    content_length,
    header_fields,
    media_type_of,
    timestamp_ns,
)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", "frame"),
        ("multipart/x-mixed-replace;boundary=frame", "frame"),
        ('multipart/x-mixed-replace; boundary="frame"', "frame"),
        ("multipart/x-mixed-replace; boundary=--frame", "--frame"),
        ("multipart/x-mixed-replace; boundary=frame; charset=utf-8", "frame"),
        ("multipart/x-mixed-replace; charset=utf-8; boundary=frame", "frame"),
        ("multipart/x-mixed-replace; BOUNDARY = frame ", "frame"),
        ('multipart/x-mixed-replace; boundary="gc0 p:0(\\"a\\"b)"', 'gc0 p:0("a"b)'),
        ('multipart/x-mixed-replace; note="; boundary=no"; boundary=yes', "yes"),
        ("multipart/x-mixed-replace; boundary=a=b", "a=b"),
        ("multipart/x-mixed-replace; boundary=", None),
        ("multipart/x-mixed-replace", None),
        ("", None),
    ],
)
def test_the_boundary_is_found_among_the_parameters(
    content_type: str, boundary: str | None
) -> None:
    assert boundary_of(content_type) == boundary


def test_a_media_type_is_read_without_its_parameters() -> None:
    assert media_type_of("Multipart/X-Mixed-Replace ; boundary=x") == "multipart/x-mixed-replace"
    assert media_type_of("") == ""


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1700000000.123456", 1_700_000_000_123_456_000),
        ("1700000000", 1_700_000_000_000_000_000),
        (" 0.5 ", 500_000_000),
        ("1700000000.1234567891", 1_700_000_000_123_456_789),
        ("-1.5", None),
        ("nan", None),
        ("12:34:56", None),
        ("", None),
        ("99999999999", None),
    ],
)
def test_a_timestamp_is_read_exactly_or_not_at_all(text: str, ns: int | None) -> None:
    assert timestamp_ns(text) == ns


def test_a_length_is_ascii_digits() -> None:
    assert content_length({"content-length": "12"}) == 12
    assert content_length({"content-length": "+12"}) is None
    assert content_length({"content-length": "\u0661"}) is None
    assert content_length({}) is None


def test_only_line_feeds_end_header_lines() -> None:
    assert header_fields(b"a: 1\x85b: 2\nc: 3\x0bd: 4\r\n") == {"a": "1\x85b: 2", "c": "3\x0bd: 4"}
