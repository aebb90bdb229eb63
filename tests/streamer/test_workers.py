"""How many processes share the port."""

from __future__ import annotations

import os

import pytest

from streamer.configuration.settings import Settings
from streamer.workers import number_of_workers


@pytest.mark.parametrize("number", [1, 2, 7])
def test_as_many_workers_as_were_asked_for(number: int) -> None:
    assert number_of_workers(Settings(workers=number)) == number


def test_auto_is_one_for_each_core_that_may_be_used() -> None:
    usable = os.sched_getaffinity(0)
    assert number_of_workers(Settings(workers="auto")) == len(usable)
    os.sched_setaffinity(0, {min(usable)})
    try:
        assert number_of_workers(Settings(workers="auto")) == 1
    finally:
        os.sched_setaffinity(0, usable)
