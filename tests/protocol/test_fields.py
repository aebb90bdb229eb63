"""Header fields: only what RFC 9110 lets stand in a header block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from protocol import (
    RESERVED_PART_FIELDS,
    MalformedError,
    Refusal,
    check_field_name,
    check_field_value,
    check_media_type,
    essence,
)


@pytest.mark.parametrize("name", ["X-Site", "a", "0", "!#$%&'*+-.^_`|~"])
def test_a_field_name_is_a_token(name: str) -> None:
    assert check_field_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "X Site", "X:", "X\r\nY", "X\n", "é", "a(b)", "a/b", "\0", '"a"', "a\x7f"]
)
def test_anything_else_names_no_field(name: str) -> None:
    with pytest.raises(MalformedError, match="token") as refused:
        check_field_name(name)
    assert refused.value.reason is Refusal.BAD_HEADER


@pytest.mark.parametrize("value", ["", "a", "gate 3", "a\tb", "caf\xe9", "\x80", "\xff", '"; ,='])
def test_a_field_value_is_visible_text_with_blanks_in_between(value: str) -> None:
    assert check_field_value("X-Site", value) == value


@pytest.mark.parametrize(
    "value",
    [" ", " a", "a ", "\ta", "a\r\nSet-Cookie: b", "a\n", "\n", "a\0b", "\x1b[0m", "\x7f", "€"],
)
def test_anything_else_is_no_field_value(value: str) -> None:
    with pytest.raises(MalformedError, match="X-Site") as refused:
        check_field_value("X-Site", value)
    assert refused.value.reason is Refusal.BAD_HEADER


@pytest.mark.parametrize("wrong", [None, 1, b"a", ["a"], {"a": "b"}])
def test_names_and_values_are_strings(wrong: object) -> None:
    with pytest.raises(MalformedError, match="string") as of_name:
        check_field_name(wrong)
    with pytest.raises(MalformedError, match="string") as of_value:
        check_field_value("X-Site", wrong)
    assert of_name.value.reason is of_value.value.reason is Refusal.BAD_TYPE


@pytest.mark.parametrize(
    "value",
    ["image/jpeg", "text/plain;charset=utf-8", 'a/b ; c="d, e"', "application/vnd.x+json"],
)
def test_a_media_type_has_a_type_and_a_subtype(value: str) -> None:
    assert check_media_type(value) == value


@pytest.mark.parametrize(
    "value", ["", "jpeg", "image/", "/jpeg", "image/jpeg/x", "image /jpeg", "a/b, c/d", "a/b c"]
)
def test_anything_else_is_no_media_type(value: str) -> None:
    with pytest.raises(MalformedError, match="part_type") as refused:
        check_media_type(value, "part_type")
    assert refused.value.reason is Refusal.BAD_HEADER


@pytest.mark.parametrize("value", ["image/jpeg\r\nX: y", "image/jpeg;\n", " image/jpeg"])
def test_a_media_type_is_a_field_value_too(value: str) -> None:
    with pytest.raises(MalformedError):
        check_media_type(value)


def test_the_essence_is_the_type_in_lower_case_without_parameters() -> None:
    assert essence('Image/JPEG ; q="a;b"') == "image/jpeg"


def test_what_the_streamer_writes_itself_is_reserved() -> None:
    assert frozenset({"content-length", "content-type"}) == RESERVED_PART_FIELDS


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (check_field_name, " " * 1_000_000),
        (partial(check_field_value, "X" * 1_000_000), "\n" * 1_000_000),
        (partial(check_field_value, "X" * 1_000_000), 1),
        (check_media_type, "x" * 1_000_000),
    ],
    ids=["name", "value", "type of value", "media type"],
)
def test_a_refusal_quotes_no_more_than_the_beginning(
    check: Callable[[object], str], wrong: object
) -> None:
    with pytest.raises(MalformedError) as refused:
        check(wrong)
    assert len(str(refused.value)) < 700
