"""When recorded pictures are shown."""

from __future__ import annotations

import pytest

from producer.command.pace import MAX_LATE_S, Pace


def test_what_is_live_never_waits() -> None:
    pace = Pace()
    assert [pace.wait_s(None, now_s) for now_s in (5.0, 5.0, 9.0)] == [0, 0, 0]


def test_each_picture_waits_for_its_time_after_the_first() -> None:
    pace = Pace()
    assert pace.wait_s(0.0, 100.0) == 0
    assert pace.wait_s(0.25, 100.1) == pytest.approx(0.15)
    assert pace.wait_s(0.5, 100.25) == pytest.approx(0.25)


def test_a_replay_that_begins_in_the_middle_begins_at_once() -> None:
    pace = Pace()
    assert pace.wait_s(30.0, 7.0) == 0
    assert pace.wait_s(30.5, 7.0) == pytest.approx(0.5)


def test_a_little_delay_is_made_up_for() -> None:
    pace = Pace()
    pace.wait_s(0.0, 0.0)
    assert pace.wait_s(0.1, 0.1 + MAX_LATE_S / 2) == 0
    assert pace.wait_s(1.0, 0.4) == pytest.approx(0.6)


def test_a_long_hold_up_is_followed_by_no_burst() -> None:
    pace = Pace()
    pace.wait_s(0.0, 0.0)
    assert pace.wait_s(0.1, 60.0) == 0
    assert pace.wait_s(0.2, 60.0) == pytest.approx(0.1)
