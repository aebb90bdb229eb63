"""What was measured, as it is kept: every round of every server, those that went badly too.

A file holds one machine's runs. Standard library only: the plots read it from another venv.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1

Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One call of the harness.

    Attributes:
        number: counts the runs of a file from 1.
        started: date and time with the offset from UTC.
        command: what was typed.
        source: commit of the product that was measured.
        effort: how long and how often it looked.
        versions: of everything that took part.
        absent: servers that are not installed, and how to install them.

    """

    number: int
    started: str
    command: str
    source: str
    effort: dict[str, Any]
    versions: dict[str, str]
    absent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One server, measured once for one figure.

    Attributes:
        run: number of the run.
        figure: name of the figure.
        server: name of the server.
        round: counts a figure's rounds from 1, over all runs.
        started: time of the day.
        took_s: how long it took.
        rows: the figures, one row for each case; none where it failed.
        error: what went wrong; empty where nothing did.
        skipped: what it needs to be measured at all; empty where it was.
        foreign_cpu: cores that other programs kept busy meanwhile.
        stolen_cpu: cores that the hypervisor kept from us meanwhile.

    """

    run: int
    figure: str
    server: str
    round: int
    started: str
    took_s: float
    rows: list[Row] = field(default_factory=list)
    error: str = ""
    skipped: str = ""
    foreign_cpu: float = 0.0
    stolen_cpu: float = 0.0


@dataclass
class Record:
    """The runs of one machine, with all that was measured."""

    machine: dict[str, Any]
    runs: list[Run] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)

    def source_of(self, measurement: Measurement) -> str:
        """Gives the commit that was measured."""
        return self.runs[measurement.run - 1].source

    def of_figure(self, figure: str) -> list[Measurement]:
        """Gives a figure's measurements of the source that it was last measured of."""
        found = [each for each in self.measurements if each.figure == figure]
        last = self.source_of(found[-1]) if found else ""
        return [each for each in found if self.source_of(each) == last]

    def rounds(self, figure: str) -> dict[int, dict[str, Measurement]]:
        """Gives a figure's measurements by round and server."""
        rounds: dict[int, dict[str, Measurement]] = {}
        for each in self.of_figure(figure):
            rounds.setdefault(each.round, {})[each.server] = each
        return rounds

    def last_round(self, figure: str) -> int:
        """Gives the number of a figure's last round of all runs; 0 for none."""
        numbers = [each.round for each in self.measurements if each.figure == figure]
        return max(numbers, default=0)

    def rows(self, figure: str, server: str, case: str = "") -> Iterator[tuple[int, Row]]:
        """Yields a server's rows of one case, with the number of their round."""
        for number, measured in self.rounds(figure).items():
            for row in measured[server].rows if server in measured else []:
                if row.get("case", "") == case:
                    yield number, row

    def save(self, path: Path) -> None:
        """Writes the file in one go: an interrupted run leaves a whole one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        beside.write_text(self._text())
        beside.replace(path)

    def _text(self) -> str:
        """Gives JSON with one line for each run and each measurement."""
        runs = ",\n".join(_line(asdict(each)) for each in self.runs)
        measured = ",\n".join(_line(_without_empty(asdict(each))) for each in self.measurements)
        return (
            f'{{"format": {FORMAT},\n"machine": {_line(self.machine)},\n'
            f'"runs": [\n{runs}\n],\n"measurements": [\n{measured}\n]}}\n'
        )


def load_record(path: Path) -> Record:
    """Reads a file.

    Raises:
        ValueError: for a file that is none of ours.
        OSError: for one that cannot be read.

    """
    values = json.loads(path.read_text())
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"{path}: not a record of format {FORMAT}")
    runs = [Run(**each) for each in values["runs"]]
    measurements = [Measurement(**each) for each in values["measurements"]]
    return Record(values["machine"], runs, measurements)


def _line(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False)


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", [])}


def _finite(value: Any) -> Any:
    """Gives what JSON can hold: five digits are more than any figure here is worth."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return float(f"{value:.5g}") if math.isfinite(value) else None
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case _:
            return [_finite(each) for each in value]
