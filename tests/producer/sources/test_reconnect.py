"""How long to wait, and what to say, while a source is lost."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.sources.backoff import FIRST_S, JITTER, LONGEST_S, delays
from producer.sources.reconnect import SETTLED_S, Outage, Reconnecting
from producer.sources.source import Picture, Pictures


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


class Waits(threading.Event):
    """Keeps count of the waits instead of waiting, and ends the run after so many."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.left = count
        self.waited_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout or 0)
        if len(self.waited_s) == self.left:
            self.set()
        return self.is_set()


def test_a_source_that_flaps_is_one_outage_and_tried_less_and_less_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    def connect() -> Pictures:
        yield Picture(b"only one")

    waits = Waits(6)
    assert len(list(Reconnecting("the door", connect).pictures(waits))) == 6
    assert waits.waited_s[-1] > waits.waited_s[0] * 8
    assert caplog.messages == ["the door is lost, trying again: the stream ended"]


def test_a_source_that_stays_for_a_while_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time_s = 0.0
    stays_s: Iterator[float] = iter([1, 1, 1, SETTLED_S, 1])

    def connect() -> Pictures:
        nonlocal time_s
        yield Picture(b"first")
        time_s += next(stays_s)
        yield Picture(b"last")

    waits = Waits(5)
    list(Reconnecting("the door", connect, lambda: time_s).pictures(waits))
    assert waits.waited_s[3] <= FIRST_S
    assert [message.split(":")[0] for message in caplog.messages] == [
        "the door is lost, trying again",
        "the door is back after 5 s",
        "the door is lost, trying again",
    ]
