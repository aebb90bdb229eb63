"""Where in a recording a client wants to begin."""

from __future__ import annotations

import pytest

from producer.command.replays import start_of


@pytest.mark.parametrize(
    ("query", "start_s"),
    [
        ({}, 0),
        ({"from": "2.5"}, 2.5),
        ({"from": "0"}, 0),
        ({"other": "5"}, 0),
        ({"from": "the start"}, 0),
        ({"from": ""}, 0),
        ({"from": "nan"}, 0),
        ({"from": "inf"}, 0),
    ],
)
def test_a_client_says_from_which_second_on(query: dict[str, str], start_s: float) -> None:
    assert start_of(query) == start_s
