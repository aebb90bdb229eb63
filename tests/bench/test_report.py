"""The page: what it says must be what was measured, bad rounds included."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.figures import figures
from bench.goals import GOALS, Goal, Verdict, deviation, ratio, worst
from bench.record import Record
from bench.report import Site, render, shown

from .records import MACHINE, measured, record_of, run

FIGURES = figures(short=False)


def page(record: Record, folder: Path, *before: Record) -> str:
    site = Site(folder / "RESULTS.md", folder / "results")
    return render([*before, record], "2026-01-02-test", FIGURES, site)


def line(text: str, beginning: str) -> str:
    return next(each for each in text.splitlines() if each.startswith(beginning))


def test_a_ratio_compares_within_a_round_and_takes_the_median() -> None:
    record = record_of(
        "light",
        {"partcast": [{"x": 1.0}, {"x": 4.0}, {"x": 9.0}], "nchan": [{"x": 1.0}, {"x": 2.0}]},
    )
    values = ratio("x", "nchan")(record, "light")
    assert values == [1.0, 2.0]
    assert shown(values, 2) == "1.50 (1.00 to 2.00)"


def test_a_round_that_one_of_the_two_failed_has_no_ratio() -> None:
    record = record_of("light", {"partcast": [{"x": 1.0}], "nchan": []})
    record.measurements.append(measured("light", "nchan", 1, [], error="no answer"))
    assert ratio("x", "nchan")(record, "light") == []


def test_deviation_is_the_farthest_any_case_is_from_the_first() -> None:
    record = Record(MACHINE, [run()])
    rows = [{"case": case, "x": x} for case, x in (("1", 10.0), ("2", 8.0), ("3", 11.0))]
    record.measurements.append(measured("growth-clients", "partcast", 1, rows))
    assert deviation("x")(record, "growth-clients") == pytest.approx([20.0])


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [
        (2.0, False, Verdict.REACHED),
        (2.1, False, Verdict.MISSED),
        (2.0, True, Verdict.REACHED),
        (1.9, True, Verdict.MISSED),
    ],
)
def test_the_median_decides(value: float, at_least: bool, verdict: Verdict) -> None:
    record = record_of("age", {"partcast": [{"x": 0.0}, {"x": value}, {"x": 99.0}]})
    goal = Goal("something", "age", 2.0, worst("x"), at_least=at_least)
    assert goal.verdict(record) is verdict


def test_what_was_not_measured_is_no_win(tmp_path: Path) -> None:
    record = record_of("age", {})
    assert {goal.verdict(record) for goal in GOALS} == {Verdict.OPEN}
    assert "**reached**" not in page(record, tmp_path)


def test_every_goal_belongs_to_a_figure() -> None:
    assert {goal.figure for goal in GOALS} <= {figure.name for figure in FIGURES}


def test_only_the_source_measured_last_counts() -> None:
    record = record_of("age", {"partcast": [{"age_p99_s": 9.0}]})
    record.runs.append(run(2, source="def5678"))
    record.measurements.append(measured("age", "partcast", 2, [{"age_p99_s": 1.0}], run=2))
    assert worst("age_p99_s")(record, "age") == [1.0]


def test_losses_and_failures_stand_on_the_page(tmp_path: Path) -> None:
    record = record_of("storm", {"partcast": [{"storm_max_ms": 250.0, "newcomers_max_ms": 9.0}]})
    record.measurements += [
        measured("storm", "nchan", 1, [], error="no answer\nand a long story"),
        measured("age", "partcast", 1, [{"damage": 3}]),
        measured("age", "partcast", 2, [{"damage": 0}], foreign_cpu=0.5),
    ]
    record.runs[0] = run(absent={"vidgear": "python -m bench install"})
    text = page(record, tmp_path)
    assert "250 ms, 1 of 5 rounds | **missed** |" in line(text, "| latest part while")
    assert "- storm, round 1, nchan: failed: no answer\n" in text
    assert "- age, round 1, partcast: 3 parts damaged or out of order, or clients lost" in text
    assert "other programs used up to 0.50 cores, 1 of 2 measurements" in text
    assert "- not installed, so left out: vidgear (`python -m bench install`)" in text


def test_the_goals_stand_beside_those_of_the_run_before(tmp_path: Path) -> None:
    before = record_of("age", {"partcast": [{"age_p99_s": 3.0, "others_gaps": 0}]})
    now = record_of("age", {"partcast": [{"age_p99_s": 0.9, "others_gaps": 0}]})
    row = line(page(now, tmp_path, before), "| age of what a client")
    assert row.endswith(
        "| 3.00 s, 1 of 5 rounds | 0.90 s, 1 of 5 rounds | **missed**, then **reached** |"
    )


def test_every_change_of_a_verdict_is_told(tmp_path: Path) -> None:
    runs = [record_of("age", {"partcast": [{"age_p99_s": age_s}]}) for age_s in (3.0, 0.9, 2.0)]
    row = line(page(runs[-1], tmp_path, *runs[:-1]), "| age of what a client")
    assert row.endswith("| **missed**, then **reached**, then **missed** |")


def test_a_figure_that_needs_more_cores_says_so(tmp_path: Path) -> None:
    assert "Not measured: needs 3 cores, this machine has 2" in page(record_of("age", {}), tmp_path)


def test_plots_are_linked_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "2026-01-02-test-age.svg").write_text("<svg/>")
    text = page(record_of("age", {}), tmp_path)
    assert "(results/2026-01-02-test-age.svg)" in text
    assert "2026-01-02-test-latency.svg" not in text
