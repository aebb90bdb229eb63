"""RESULTS.md, made from records: the goals, the plots, every table, and what went badly."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from bench.build import INSTALL_PEERS
from bench.columns import Column
from bench.figures import Figure
from bench.goals import GOALS, Goal
from bench.record import Measurement, Record

NOTHING = "-"
INTRODUCTION = (
    "Made by `python -m bench`; [README.md](README.md) says how each figure is measured. Every "
    "figure is the median of its rounds, ratios are taken within a round, and the lowest and "
    "the highest round stand in brackets."
)
QUIET_CORES = 0.05  # what other programs may use before a round is no longer a quiet one
ENOUGH_ROUNDS = 5  # fewer give an impression, no figure
PLOTS = {
    "latency": "Latency at 10 frames per second, 50 KB, 500 clients",
    "growth": "CPU per part against the number of clients",
    "age": "Age of what a client gets that reads at 20 % of the rate",
}


@dataclass(frozen=True)
class Site:
    """Where the page is, and where the records and plots are that it links to."""

    page: Path
    folder: Path

    def link(self, file: str) -> str:
        return os.path.relpath(self.folder / file, self.page.parent)


def render(records: Sequence[Record], name: str, figures: Sequence[Figure], site: Site) -> str:
    """Gives the page.

    Args:
        records: the one to tell in full last; the goals table has a column for each.
        name: of the last one's file, without `.json`.
        figures: in the order of the page.
        site: where things are.

    """
    record = records[-1]
    blocks = [
        "# What was measured",
        INTRODUCTION,
        _setting(record, site.link(f"{name}.json")),
        "## Goals",
        _goals(records),
        *_plots(name, site),
        *(block for figure in figures for block in _figure(record, figure)),
        "## What went badly",
        _bad(record),
    ]
    return "\n\n".join(blocks) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Gives a Markdown table."""
    lines = ["| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def shown(values: Sequence[float], digits: int, *, spread: bool = True) -> str:
    """Gives the median, and the range where there are several rounds."""
    if not values:
        return NOTHING
    middle = f"{median(values):,.{digits}f}"
    low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
    return f"{middle} ({low} to {high})" if spread and low != high else middle


def _setting(record: Record, raw: str) -> str:
    machine, last = record.machine, record.runs[-1]
    virtual = ", a virtual machine" if machine["virtual"] else ""
    cores = f"{machine['cores']} cores of {machine['cpu']}{virtual}"
    system = f"Linux {machine['kernel']}, {machine['system']}"
    lines = [
        f"- Machine: {cores}, {machine['memory_mib']:,} MiB, {system}",
        *(f"- Run: {run.started}, source {run.source}: `{run.command}`" for run in record.runs),
        f"- Windows of {last.effort['window_s']:g} s; how many rounds, each table says",
        "- Versions: " + ", ".join(f"{key} {value}" for key, value in last.versions.items()),
        f"- Raw rows of every round: [{raw}]({raw})",
    ]
    return "\n".join(lines)


def _goals(records: Sequence[Record]) -> str:
    dates = [record.runs[0].started[:16] for record in records]  # to the minute
    head = ["figure", "goal", *dates, "verdict"]
    return table(head, [_goal(goal, records) for goal in GOALS])


def _goal(goal: Goal, records: Sequence[Record]) -> list[str]:
    sign, unit = ("≥" if goal.at_least else "≤"), f" {goal.unit}" if goal.unit else ""
    measured = []
    for record in records:
        values = goal.measured(record)
        few = f", {len(values)} of {ENOUGH_ROUNDS} rounds" if len(values) < ENOUGH_ROUNDS else ""
        measured.append(f"{shown(values, goal.digits)}{unit}{few}" if values else NOTHING)
    return [goal.what, f"{sign} {goal.limit:g}{unit}", *measured, _verdict(goal, records)]


def _verdict(goal: Goal, records: Sequence[Record]) -> str:
    runs = groupby(goal.verdict(record) for record in records)
    text = ", then ".join(f"**{each}**" for each, _ in runs)
    if goal.aim is not None and goal.measured(records[-1]):
        beyond = "is" if goal.reaches_aim(records[-1]) else "is not"
        text += f"; {beyond} ≤ {goal.aim:g} too"
    return text


def _plots(name: str, site: Site) -> Iterator[str]:
    yield "## Plots"
    for plot, title in PLOTS.items():
        file = f"{name}-{plot}.svg"
        if (site.folder / file).exists():
            yield f"![{title}]({site.link(file)})"
        else:
            yield f"{title}: no plot (needs matplotlib: `{INSTALL_PEERS}`, or was not measured)"


def _figure(record: Record, figure: Figure) -> Iterator[str]:
    measured = record.of_figure(figure.name)
    if figure.asked_for and not measured:
        return
    yield f"## {figure.title}"
    if not any(each.rows for each in measured):
        yield _why_not(record, figure)
        return
    rounds = len({each.round for each in measured if each.server in figure.servers})
    head = ["server", *([figure.case] if figure.case else [])]
    head += [column.title for column in figure.columns]
    head += [f"CPU, ratio to {figure.over}"] if figure.over else []
    servers = [*dict.fromkeys((*figure.servers, *figure.beside))]
    rows = [row for server in servers for row in _rows(record, figure, server)]
    yield f"`--only {figure.name}`, {rounds} round{'s' if rounds > 1 else ''}."
    yield table(head, rows)


def _rows(record: Record, figure: Figure, server: str) -> Iterator[list[str]]:
    measured = [each for each in record.of_figure(figure.name) if each.server == server]
    cases = dict.fromkeys(row.get("case", "") for each in measured for row in each.rows)
    for case in cases:
        rows = dict(record.rows(figure.name, server, case))
        cells = [_cell(list(rows.values()), column) for column in figure.columns]
        if figure.over:
            cells.append(_over(record, figure, case, rows))
        yield [server, *([case] if figure.case else []), *cells]


def _cell(rows: Sequence[dict[str, Any]], column: Column) -> str:
    found = [row.get(column.key) for row in rows]
    values = [each * column.scale for each in found if each is not None]
    return shown(values, column.digits, spread=column.spread)


def _over(record: Record, figure: Figure, case: str, rows: dict[int, dict[str, Any]]) -> str:
    key = "cpu_us_per_part"
    others = dict(record.rows(figure.name, figure.over, case))
    ratios = [
        row[key] / others[number][key]
        for number, row in rows.items()
        if number in others and row.get(key) and others[number].get(key)
    ]
    return shown(ratios, 2)


def _why_not(record: Record, figure: Figure) -> str:
    if figure.cores > record.machine["cores"]:
        needs = f"needs {figure.cores} cores, this machine has {record.machine['cores']}"
        return f"Not measured: {needs} (`--only {figure.name}`)."
    return f"Not measured (`--only {figure.name}`)."


def _bad(record: Record) -> str:
    """Tells all runs: rounds of an earlier source too."""
    absent = {name: hint for run in record.runs for name, hint in run.absent.items()}
    lines = [f"- not installed, so left out: {name} (`{hint}`)" for name, hint in absent.items()]
    for each in record.measurements:
        where = f"{each.figure}, round {each.round}, {each.server}"
        if each.skipped:
            lines.append(f"- {where}: left out, {each.skipped}")
        if each.error:
            lines.append(f"- {where}: failed: {each.error.splitlines()[0]}")
        damage = sum(row.get("damage") or 0 for row in each.rows)
        if damage:
            lines.append(f"- {where}: {damage} parts damaged or out of order, or clients lost")
    for figure in dict.fromkeys(each.figure for each in record.measurements):
        lines += _noise(figure, [m for m in record.measurements if m.figure == figure])
    return "\n".join(lines) or "Nothing."


def _noise(figure: str, measured: Sequence[Measurement]) -> Iterator[str]:
    """Says whether the machine had other things to do."""
    for who, cores in (
        ("other programs", [each.foreign_cpu for each in measured]),
        ("the hypervisor", [each.stolen_cpu for each in measured]),
    ):
        loud = [each for each in cores if each > QUIET_CORES]
        if loud:
            share = f"{len(loud)} of {len(cores)} measurements"
            most = f"{who} used up to {max(loud):.2f} cores"
            yield f"- {figure}: not a quiet machine: {most}, {share}"
