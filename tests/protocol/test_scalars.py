"""Numbers and texts: what is allowed, and how what is not is shown."""

from __future__ import annotations

import math

import pytest

from protocol import MalformedError, Refusal
from protocol.scalars import check_seconds, check_text, check_uint, shown


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_an_unsigned_integer_has_64_bits(value: int) -> None:
    check_uint("seq", value)


@pytest.mark.parametrize("value", [-1, 2**64, True, False, 1.0, "1", b"1", None, [1]])
def test_nothing_else_is_an_unsigned_integer(value: object) -> None:
    with pytest.raises(MalformedError, match="seq") as refused:
        check_uint("seq", value)
    assert refused.value.reason is Refusal.BAD_TYPE


@pytest.mark.parametrize("value", ["", "a", "é", "\U0001f3a5", "\0"])
def test_a_text_is_any_unicode(value: str) -> None:
    check_text("peer", value)


@pytest.mark.parametrize("value", [b"a", 1, None, ["a"], "\ud800"])
def test_nothing_else_is_a_text(value: object) -> None:
    with pytest.raises(MalformedError, match="peer") as refused:
        check_text("peer", value)
    assert refused.value.reason is Refusal.BAD_TYPE


@pytest.mark.parametrize("value", [0, 0.0, 1, 0.25, 1e300])
def test_seconds_are_any_number_from_zero_on(value: float) -> None:
    check_seconds("duration", value)


@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf, -math.inf, True, "1", None])
def test_nothing_else_is_a_number_of_seconds(value: object) -> None:
    with pytest.raises(MalformedError, match="duration") as refused:
        check_seconds("duration", value)
    assert refused.value.reason is Refusal.BAD_TYPE


@pytest.mark.parametrize("value", ["it's", b"\0\xff", 17, None, [1, "a"]])
def test_a_short_value_is_shown_whole(value: object) -> None:
    assert shown(value) == repr(value)


def test_of_a_long_text_the_beginning_is_shown() -> None:
    assert shown("x" * 1_000) == f"'{'x' * 79}..."
    assert shown(b"x" * 1_000) == f"b'{'x' * 78}..."


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        b"\xff" * 1_000_000,
        ["x" * 1_000_000] * 1_000,
        {"x" * 1_000_000: list(range(1_000_000))},
        [[[["x" * 80] * 6] * 6] * 6] * 6,
        "\U000e0001" * 1_000,
    ],
)
def test_a_long_value_is_shown_in_part(value: object) -> None:
    assert len(shown(value)) < 100


def test_a_deep_value_is_shown_in_part() -> None:
    value: object = None
    for _ in range(100_000):
        value = [value]
    assert len(shown(value)) < 100
