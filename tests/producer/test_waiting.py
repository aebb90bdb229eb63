"""Who is woken by what."""

from __future__ import annotations

from producer.waiting import EVERYTHING, Waiting


def test_a_change_wakes_those_whom_it_concerns() -> None:
    waiting: Waiting[str] = Waiting()
    waiting.add("cam1", "anna")
    waiting.add("cam1", "bob")
    waiting.add("cam2", "carl")
    assert set(waiting.concerned(["cam1", "cam3"])) == {"anna", "bob"}
    assert set(waiting.concerned([])) == set()


def test_some_changes_wake_everybody() -> None:
    waiting: Waiting[str] = Waiting()
    waiting.add("cam1", "anna")
    waiting.add(EVERYTHING, "bob")
    assert set(waiting.concerned([EVERYTHING])) == {"anna", "bob"}


def test_who_waits_no_more_is_not_woken_and_leaves_nothing_behind() -> None:
    waiting: Waiting[str] = Waiting()
    waiting.add("cam1", "anna")
    waiting.add("cam1", "bob")
    waiting.remove("cam1", "anna")
    assert list(waiting.concerned(["cam1"])) == ["bob"]
    waiting.remove("cam1", "bob")
    assert not waiting._waiters
