"""How long to wait, and what to say, while a source is lost."""

from __future__ import annotations

import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.sources.backoff import FIRST_S, JITTER, LONGEST_S, delays
from producer.sources.reconnect import Outage


def test_delays_double_up_to_the_longest() -> None:
    waits = list(itertools.islice(delays(lambda: 0.0), 9))
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(st.floats(0, 1))
def test_chance_only_shortens_a_delay_and_never_to_nothing(chance: float) -> None:
    waits = list(itertools.islice(delays(lambda: chance), 12))
    assert min(waits) >= FIRST_S * (1 - JITTER)
    assert max(waits) <= LONGEST_S


def test_delays_are_left_to_chance() -> None:
    assert len({next(delays()) for _ in range(20)}) > 1


def test_an_outage_is_told_once_with_its_reason_and_once_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = iter([10.0, 75.0, 100.0]).__next__
    outage = Outage("the door", clock)
    outage.end()
    outage.begin("it rains")
    outage.begin("it pours")
    outage.end()
    outage.end()
    outage.begin("again")
    assert caplog.messages == [
        "the door is lost, trying again: it rains",
        "the door is back after 65 s",
        "the door is lost, trying again: again",
    ]
