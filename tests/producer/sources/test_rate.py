"""The pace of pictures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.sources.rate import Cadence, RateLimit, Timeline


def admitted(fps: float | None, times_s: list[float]) -> list[float]:
    limit = RateLimit(fps)
    return [time_s for time_s in times_s if limit.admits(time_s)]


def test_without_a_rate_all_pass() -> None:
    assert admitted(None, [0, 0, 0.001]) == [0, 0, 0.001]


def test_every_third_of_thirty_passes_ten() -> None:
    times_s = [5 + number / 30 for number in range(31)]
    assert admitted(10, times_s) == pytest.approx([5 + number / 10 for number in range(11)])


def test_a_camera_at_just_this_rate_loses_nothing_for_being_unpunctual() -> None:
    times_s = [number / 10 + (0.02 if number % 2 else -0.02) for number in range(50)]
    assert admitted(10, times_s) == times_s


def test_after_a_pause_there_is_no_burst() -> None:
    times_s = [0, 5, 5.01, 5.02, 5.03, 5.1]
    assert admitted(10, times_s) == [0, 5, 5.1]


@given(
    st.floats(1, 60),
    st.lists(st.floats(0, 0.2), min_size=2, max_size=100),
)
def test_the_rate_holds_on_average(fps: float, gaps_s: list[float]) -> None:
    times_s = [sum(gaps_s[:end]) for end in range(len(gaps_s) + 1)]
    passed = admitted(fps, times_s)
    assert len(passed) <= (times_s[-1] - times_s[0]) * fps + 2


def test_a_recording_begins_at_zero_and_keeps_its_gaps() -> None:
    timeline = Timeline(0.1)
    assert [timeline.offset_s(time_s) for time_s in (7.0, 7.5, 8.0)] == [0, 0.5, 1.0]


def test_missing_times_are_filled_in_and_none_goes_back() -> None:
    timeline = Timeline(0.5)
    offsets = [timeline.offset_s(time_s) for time_s in (None, None, 1.0, 0.9, None)]
    assert offsets == [0, 0.5, 0.5, 0.5, 1.0]


def test_rounds_follow_each_other_by_one_interval() -> None:
    timeline = Timeline(0.5)
    first = [timeline.offset_s(time_s) for time_s in (3.0, 3.5)]
    timeline.next_round()
    assert [*first, timeline.offset_s(3.0), timeline.offset_s(3.5)] == [0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("answer_s", [0.0, 0.05, 0.2])
def test_requests_are_an_interval_apart_however_long_an_answer_takes(answer_s: float) -> None:
    cadence, now_s, asked_s = Cadence(0.25, due_s=10.0), 10.0, []
    for _ in range(5):
        asked_s.append(now_s)
        now_s += answer_s
        now_s += cadence.wait_s(now_s)
    assert asked_s == pytest.approx([10.0, 10.25, 10.5, 10.75, 11.0])


def test_an_answer_that_takes_longer_than_the_interval_is_followed_at_once() -> None:
    cadence = Cadence(0.25, due_s=10.0)
    assert cadence.wait_s(11.0) == 0
    assert cadence.wait_s(11.1) == pytest.approx(0.15)
