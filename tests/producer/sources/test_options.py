"""Options are right from the start or refused with a clear text."""

from __future__ import annotations

from typing import Any

import pytest

from producer.sources import Order, SourceOptions, parse_size


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fps": 0}, r"fps must be 0\.001 to 240, not 0"),
        ({"fps": 0.0009}, "fps must be"),
        ({"fps": 240.1}, "fps must be"),
        ({"fps": -1.5}, "fps must be"),
        ({"fps": float("nan")}, "fps must be"),
        ({"fps": float("inf")}, "fps must be"),
        ({"fps": 10**400}, r"240, not 1000000+\.\.\.0+$"),
        ({"size": (15, 100)}, "size must be 16 to 8192 pixels a side, not 15x100"),
        ({"size": (100, 8193)}, "size must be"),
        ({"order": "size"}, "order must be one of name, time, random, not 'size'"),
        ({"quality": 0}, "quality must be 1 to 95, not 0"),
        ({"quality": 96}, "quality must be"),
        ({"password": "secret"}, "a password needs a user"),
        (
            {"connect_timeout_s": 0},
            "connect_timeout_s must be more than 0 and at most 86400 seconds, not 0",
        ),
        ({"connect_timeout_s": 86_401}, "connect_timeout_s must be"),
        ({"read_timeout_s": float("inf")}, "read_timeout_s must be"),
        ({"read_timeout_s": float("nan")}, "read_timeout_s must be"),
        ({"read_timeout_s": 10**400}, r"seconds, not 1000000+\.\.\.0+$"),
    ],
)
def test_a_wrong_option_is_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        SourceOptions(**wrong)
    assert "\n" not in str(caught.value)


def test_an_order_may_be_given_by_its_name() -> None:
    assert SourceOptions(order="time").order is Order.TIME  # type: ignore[arg-type]


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(SourceOptions(user="jo", password="secret"))


def test_a_size_is_read() -> None:
    assert parse_size("640x360") == (640, 360)
    assert parse_size(" 1280X720 ") == (1280, 720)


@pytest.mark.parametrize("text", ["", "640", "640x", "640*360", "-1x5", "1x1", "99999x99999"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size must be"):
        parse_size(text)
