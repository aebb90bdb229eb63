"""Carries a run out: round by round, the servers of a figure one right after the other."""

import datetime as dt
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.accounting import machine_spent
from bench.build import ROOT
from bench.cores import UnavailableError, usable_cores
from bench.figures import Figure
from bench.procedures import Effort
from bench.process import ChildError
from bench.record import Measurement, Record, Row
from bench.servers import SERVERS

MAX_FAILURES = 2  # then a server is left out of a figure: each may take a minute to give up
# What a server, its clients or the system can do wrong; anything else is a fault of ours.
FAILURES = (
    ChildError,
    OSError,
    LookupError,
    ValueError,
    ArithmeticError,
    subprocess.SubprocessError,
)


@dataclass(frozen=True)
class Step:
    """One server to be measured once for one figure."""

    figure: Figure
    server: str
    round: int


class Campaign:
    """A run.

    Attributes:
        absent: servers that are wanted and not installed, with how to install them.

    Args:
        record: takes what is measured, and has what was measured before.
        path: where the record is saved after each step.
        figures: what is measured.
        servers: of whom; empty for all of each figure.
        effort: how long and how often to look.
        beside: whether servers for orientation are measured too.
        deadline: of the monotonic clock: no step begins later.
        say: takes lines of progress.

    """

    def __init__(
        self,
        record: Record,
        path: Path,
        figures: Sequence[Figure],
        *,
        servers: Collection[str],
        effort: Effort,
        beside: bool,
        deadline: float,
        say: Callable[[str], None],
    ) -> None:
        self._record = record
        self._path = path
        cores = len(usable_cores())
        self._figures = [each for each in figures if each.cores <= cores]
        self._too_big = [each for each in figures if each.cores > cores]
        self._servers = servers
        self._effort = effort
        self._beside = beside
        self._deadline = deadline
        self._say = say
        self._failures: Counter[tuple[str, str]] = Counter()
        self.absent = self._look_for_servers()

    @property
    def steps(self) -> list[Step]:
        """Gives what is to be done, round by round, so that each figure's rounds are spread out."""
        wanted = [(figure, self._missing_rounds(figure)) for figure in self._figures]
        most = max((len(numbers) for _, numbers in wanted), default=0)
        return [
            Step(figure, server, numbers[n])
            for n in range(most)
            for figure, numbers in wanted
            if n < len(numbers)
            for server in self._in_turn(figure, numbers[n])
        ]

    @property
    def skipped(self) -> list[str]:
        """Says what is left out, and what it needs."""
        absent = [f"{name}: {hint}" for name, hint in self.absent.items()]
        return absent + [f"{each.name}: needs {each.cores} cores" for each in self._too_big]

    def estimate_s(self) -> float:
        """Gives about how long it takes."""
        return sum(step.figure.procedure.estimate_s(self._effort) for step in self.steps)

    def run(self) -> None:
        """Measures; what is done stays done, whatever happens next."""
        steps, began = self.steps, time.monotonic()
        left_s = self.estimate_s()
        for number, step in enumerate(steps, 1):
            if time.monotonic() > self._deadline:
                self._say(f"out of time: {len(steps) - number + 1} steps were left out")
                return
            if self._failures[step.figure.name, step.server] >= MAX_FAILURES:
                continue
            measured = self._measure(step)
            self._record.measurements.append(measured)
            self._record.save(self._path)
            left_s -= step.figure.procedure.estimate_s(self._effort)
            spent_s = time.monotonic() - began
            self._say(_progress(number, len(steps), spent_s, left_s, step, measured))

    def _look_for_servers(self) -> dict[str, str]:
        """Gives the servers that are wanted and not installed, with how to install them."""
        wanted = {name for figure in self._figures for name in self._of(figure, first=True)}
        hints = {name: SERVERS[name].missing() for name in sorted(wanted)}
        return {name: hint for name, hint in hints.items() if hint is not None}

    def _missing_rounds(self, figure: Figure) -> list[int]:
        """Gives the numbers of the rounds to do; whole ones of the same source count."""
        rounds = self._record.rounds(figure.name)
        source = self._record.runs[-1].source
        servers = set(self._of(figure, first=False)) - set(self.absent)
        whole = [
            number
            for number, measured in rounds.items()
            if servers <= set(measured)
            and all(self._record.source_of(each) == source for each in measured.values())
        ]
        missing = figure.rounds_of(self._effort.rounds) - len(whole)
        next_number = self._record.last_round(figure.name) + 1
        return list(range(next_number, next_number + missing))

    def _of(self, figure: Figure, *, first: bool) -> list[str]:
        names = [*figure.servers, *(figure.beside if first and self._beside else ())]
        asked = [name for name in (*figure.servers, *figure.beside) if name in self._servers]
        return asked if self._servers else names

    def _in_turn(self, figure: Figure, number: int) -> list[str]:
        """Gives the servers of a round, another one first each time."""
        names = [name for name in self._of(figure, first=False) if name not in self.absent]
        shift = (number - 1) % max(1, len(names))
        beside = [
            name
            for name in self._of(figure, first=number == 1)
            if name not in names and name not in self.absent
        ]
        return names[shift:] + names[:shift] + beside

    def _measure(self, step: Step) -> Measurement:
        started, spent = time.monotonic(), machine_spent()
        rows: list[Row] = []
        error = skipped = ""
        try:
            server, procedure = SERVERS[step.server], step.figure.procedure
            rows = procedure.measure(server, self._effort, self._earlier(step))
        except UnavailableError as reason:
            skipped = str(reason)
            self._failures[step.figure.name, step.server] = MAX_FAILURES
        except FAILURES as failure:
            error = _told(failure)
            self._failures[step.figure.name, step.server] += 1
        took_s, spent_by_then = time.monotonic() - started, machine_spent()
        return Measurement(
            run=self._record.runs[-1].number,
            figure=step.figure.name,
            server=step.server,
            round=step.round,
            started=f"{dt.datetime.now().astimezone():%H:%M:%S}",
            took_s=took_s,
            rows=rows,
            error=error,
            skipped=skipped,
            foreign_cpu=max(0.0, (spent_by_then.foreign_s - spent.foreign_s) / took_s),
            stolen_cpu=(spent_by_then.stolen_s - spent.stolen_s) / took_s,
        )

    def _earlier(self, step: Step) -> list[Row]:
        rounds = self._record.rounds(step.figure.name).values()
        return [row for each in rounds if step.server in each for row in each[step.server].rows]


def _told(failure: BaseException) -> str:
    """Gives an error in words, without this machine's paths."""
    text = str(failure) or type(failure).__name__
    return text.replace(f"{ROOT}/", "")


def _progress(
    number: int, steps: int, spent_s: float, left_s: float, step: Step, measured: Measurement
) -> str:
    if measured.skipped:
        outcome = f"skipped: {measured.skipped}"
    elif measured.error:
        outcome = f"FAILED: {measured.error.splitlines()[0]}"
    else:
        outcome = _headline(step.figure, measured.rows)
    times = f"{spent_s / 60:.1f} min, about {max(left_s, 0) / 60:.1f} left"
    what = f"{step.figure.name} round {step.round}: {step.server}"
    return f"[{number}/{steps}, {times}] {what}: {outcome}"


def _headline(figure: Figure, rows: list[Row]) -> str:
    column = figure.columns[0]
    values = []
    for row in rows:
        value = row.get(column.key)
        shown = "none" if value is None else f"{value * column.scale:,.{column.digits}f}"
        values.append(f"{row['case']}: {shown}" if "case" in row else shown)
    return f"{column.title}: {'; '.join(values)}"
