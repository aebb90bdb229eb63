"""The search for the highest rate that arrives."""

from __future__ import annotations

import pytest

from bench.procedures.saturation import FINE_ENOUGH, FIRST_STEP, LATER_STEP, Search


def search(limit: float, start: float, step: float) -> tuple[Search, int]:
    """Lets a search run against a server that keeps up to `limit`; counts the probes."""
    looking, probes = Search(start, step), 0
    while not looking.done:
        looking.note(passed=looking.rate <= limit)
        probes += 1
        assert probes < 100, "it does not end"
    return looking, probes


@pytest.mark.parametrize("start", [10, 1000, 8000, 10**6], ids=str)
def test_it_ends_just_below_the_limit_wherever_it_begins(start: float) -> None:
    found, _ = search(7777, start, FIRST_STEP)
    assert 7777 / FINE_ENOUGH <= found.passed <= 7777


@pytest.mark.parametrize("drift", [0.95, 1.0, 1.05], ids=str)
def test_knowing_the_round_before_costs_few_probes(drift: float) -> None:
    _, probes = search(10_000 * drift, 10_000, LATER_STEP)
    assert probes <= 6


def test_a_server_that_keeps_up_with_nothing_passed_no_rate() -> None:
    looking = Search(8000, FIRST_STEP)
    for _ in range(10):
        looking.note(passed=False)
    assert looking.passed == 0
    assert not looking.done
    assert looking.rate < 10
