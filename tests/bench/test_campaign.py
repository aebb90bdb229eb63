"""A run: interleaved, resumable, bounded, and not ended by what goes wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.campaign import Campaign
from bench.columns import Column
from bench.cores import UnavailableError
from bench.figures import Figure, chosen, figures
from bench.procedures import SHORT, Effort
from bench.process import ChildError
from bench.record import Record, Row, load_record
from bench.servers import Server

from .records import MACHINE, run


@dataclass
class Scripted:
    """A procedure that needs no server: it notes who was measured, and fails as it is told."""

    failing: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        self.asked.append((server.name, len(earlier)))
        if server.name in self.failing:
            raise self.failing[server.name]
        return [{"x": 1.0}]

    def estimate_s(self, effort: Effort, /) -> float:
        return 1.0


def figure(procedure: Scripted, name: str = "f", **more: Any) -> Figure:
    more = {"servers": ("floor", "raw-pyzmq", "plain"), **more}
    return Figure(name, name, procedure, columns=(Column("x", "x"),), **more)


class Running:
    """A campaign with its record in a folder of the test."""

    def __init__(self, folder: Path, *figures: Figure, record: Record | None = None) -> None:
        self.record = record or Record(MACHINE, [run()])
        self.path = folder / "record.json"
        self.said: list[str] = []
        self._figures = figures

    def go(self, rounds: int = 2, for_s: float = 60, servers: Sequence[str] = ()) -> Running:
        Campaign(
            self.record,
            self.path,
            self._figures,
            servers=servers,
            effort=Effort(**{**vars(SHORT), "rounds": rounds}),
            beside=True,
            deadline=time.monotonic() + for_s,
            say=self.said.append,
        ).run()
        return self

    @property
    def order(self) -> list[tuple[str, int, str]]:
        return [(each.figure, each.round, each.server) for each in self.record.measurements]


def test_the_servers_of_a_round_follow_one_another_another_one_first_each_time(
    tmp_path: Path,
) -> None:
    first, second = figure(Scripted(), "a"), figure(Scripted(), "b", servers=("floor",))
    assert Running(tmp_path, first, second).go().order == [
        ("a", 1, "floor"),
        ("a", 1, "raw-pyzmq"),
        ("a", 1, "plain"),
        ("b", 1, "floor"),
        ("a", 2, "raw-pyzmq"),
        ("a", 2, "plain"),
        ("a", 2, "floor"),
        ("b", 2, "floor"),
    ]


def test_servers_for_orientation_come_once(tmp_path: Path) -> None:
    one = figure(Scripted(), servers=("floor",), beside=("plain",))
    assert [server for *_, server in Running(tmp_path, one).go().order] == [
        "floor",
        "plain",
        "floor",
    ]


def test_a_search_knows_the_rounds_before(tmp_path: Path) -> None:
    procedure = Scripted()
    Running(tmp_path, figure(procedure, servers=("floor",))).go(rounds=3)
    assert procedure.asked == [("floor", 0), ("floor", 1), ("floor", 2)]


def test_a_server_that_fails_is_kept_as_such_and_given_up_after_two_times(tmp_path: Path) -> None:
    procedure = Scripted({"plain": ChildError("did not answer")})
    going = Running(tmp_path, figure(procedure)).go(rounds=4)
    errors = [each.error for each in going.record.measurements if each.server == "plain"]
    assert errors == ["did not answer"] * 2
    assert [server for *_, server in going.order].count("floor") == 4


def test_a_fault_of_the_harness_is_not_taken_for_a_figure(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Running(tmp_path, figure(Scripted({"floor": TypeError("a bug")}))).go()


def test_what_cannot_be_measured_here_is_said_once(tmp_path: Path) -> None:
    procedure = Scripted({"plain": UnavailableError("needs 9 cores")})
    going = Running(tmp_path, figure(procedure)).go(rounds=3)
    assert [m.skipped for m in going.record.measurements if m.skipped] == ["needs 9 cores"]


def test_a_figure_that_needs_more_cores_is_skipped_by_name(tmp_path: Path) -> None:
    procedure = Scripted()
    campaign = Running(tmp_path, figure(procedure, cores=10_000)).go()
    assert procedure.asked == []
    assert campaign.order == []


def test_each_step_is_saved_as_it_is_done(tmp_path: Path) -> None:
    procedure = Scripted({"plain": KeyboardInterrupt()})  # type: ignore[dict-item]
    going = Running(tmp_path, figure(procedure))
    with pytest.raises(KeyboardInterrupt):
        going.go()
    saved = load_record(going.path)
    assert [each.server for each in saved.measurements] == ["floor", "raw-pyzmq"]


def test_a_resumed_run_does_only_the_rounds_that_are_not_whole(tmp_path: Path) -> None:
    procedure = Scripted({"plain": KeyboardInterrupt()})  # type: ignore[dict-item]
    going = Running(tmp_path, figure(procedure))
    with pytest.raises(KeyboardInterrupt):
        going.go(rounds=2)
    procedure.failing.clear()
    resumed = Running(tmp_path, figure(procedure), record=load_record(going.path)).go(rounds=2)
    assert [number for _, number, _ in resumed.order] == [1, 1, 2, 2, 2, 3, 3, 3]
    assert Running(tmp_path, figure(procedure), record=resumed.record).go(rounds=2).order == (
        resumed.order
    )


def test_another_source_is_measured_anew(tmp_path: Path) -> None:
    going = Running(tmp_path, figure(Scripted())).go(rounds=1)
    going.record.runs.append(run(2, source="def5678"))
    assert len(going.go(rounds=1).order) == 6


def test_no_step_begins_after_the_deadline(tmp_path: Path) -> None:
    procedure = Scripted()
    going = Running(tmp_path, figure(procedure)).go(for_s=-1)
    assert procedure.asked == []
    assert going.said == ["out of time: 6 steps were left out"]


def test_servers_can_be_chosen(tmp_path: Path) -> None:
    going = Running(tmp_path, figure(Scripted())).go(rounds=1, servers=["plain"])
    assert [server for *_, server in going.order] == ["plain"]


def test_figures_are_chosen_by_how_their_name_begins() -> None:
    names = [each.name for each in chosen(figures(short=True), ["saturation", "storm"])]
    saturation = [f"saturation-{kind}" for kind in ("2k", "50k", "200k", "tls")]
    assert names == [*saturation, "storm"]


def test_an_unknown_figure_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no figure 'speed': allowed are saturation-2k, "):
        chosen(figures(short=True), ["speed"])
