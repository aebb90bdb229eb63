"""The figures to reach, and whether they are: each is looked at round by round, then its median."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from bench.record import Record

BUFFER_KIB = 256  # client_buffer_bytes by default
SLOW_AGE_S = 2 * 0.5 + 0.1  # two part times at 20 % of 10 frames per second, and one interval

Values = Callable[[Record, str], list[float]]


class Verdict(StrEnum):
    """What a measured figure says of its goal."""

    REACHED = "reached"
    MISSED = "missed"
    OPEN = "not measured"


@dataclass(frozen=True)
class Goal:
    """One figure to reach.

    Attributes:
        what: the figure in words.
        figure: the name of the figure that measures it.
        limit: the goal.
        values: gives the measured figure of each round.
        at_least: whether more is better.
        unit: empty for ratios.
        digits: behind the point.
        aim: what is wanted beyond the goal; None for nothing.

    """

    what: str
    figure: str
    limit: float
    values: Values
    at_least: bool = False
    unit: str = ""
    digits: int = 2
    aim: float | None = None

    def measured(self, record: Record) -> list[float]:
        """Gives the figure of each round; empty where it was not measured."""
        return self.values(record, self.figure)

    def verdict(self, record: Record) -> Verdict:
        """Compares the median of all rounds with the goal."""
        values = self.measured(record)
        if not values:
            return Verdict.OPEN
        return Verdict.REACHED if self._holds(median(values), self.limit) else Verdict.MISSED

    def reaches_aim(self, record: Record) -> bool:
        """Says whether the median is even as good as the aim."""
        values = self.measured(record)
        return self.aim is not None and bool(values) and self._holds(median(values), self.aim)

    def _holds(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


def ratio(key: str, over: str, *, case: str = "", server: str = "partcast") -> Values:
    """Compares two servers that were measured in the same round."""

    def values(record: Record, figure: str) -> list[float]:
        others = dict(record.rows(figure, over, case))
        return [
            row[key] / others[number][key]
            for number, row in record.rows(figure, server, case)
            if number in others and row.get(key) is not None and others[number].get(key)
        ]

    return values


def worst(*keys: str, case: str = "", minus: float = 0, server: str = "partcast") -> Values:
    """Takes a figure as it is; of several the greatest."""

    def values(record: Record, figure: str) -> list[float]:
        found = [[row.get(key) for key in keys] for _, row in record.rows(figure, server, case)]
        whole = [[float(each) for each in values if each is not None] for values in found]
        return [max(each) - minus for each in whole if len(each) == len(keys)]

    return values


def deviation(key: str, *, server: str = "partcast") -> Values:
    """Gives how far, in per cent, any case is from a round's first case."""

    def of_round(rows: list[dict[str, Any]]) -> float:
        first, *others = (float(row[key]) for row in rows)
        return max(abs(each / first - 1) * 100 for each in others)

    def values(record: Record, figure: str) -> list[float]:
        rounds = [each[server].rows for each in record.rounds(figure).values() if server in each]
        usable = [rows for rows in rounds if len(rows) > 1 and all(row.get(key) for row in rows)]
        return [of_round(rows) for rows in usable]

    return values


def change(key: str, before: str, after: str, *, server: str = "partcast") -> Values:
    """Compares two cases of a round."""

    def values(record: Record, figure: str) -> list[float]:
        earlier = dict(record.rows(figure, server, before))
        return [
            row[key] / earlier[number][key]
            for number, row in record.rows(figure, server, after)
            if number in earlier and row.get(key) is not None and earlier[number].get(key)
        ]

    return values


CPU = "cpu_us_per_part"
TOP = "top_parts_per_s"
SIZES = {"2k": "2 KB x 500", "50k": "50 KB x 100", "200k": "200 KB x 100"}


def _at_saturation() -> list[Goal]:
    cpu = "CPU per part at saturation, against"
    limits = {
        f"{cpu} the floor": ("floor", (1.25, 1.1, 1.1), None),
        f"{cpu} nginx + Nchan": ("nchan", (1.2, 1.05, 0.8), 1.0),
        f"{cpu} the plain design": ("plain", (0.4, 0.4, 0.17), None),
    }
    goals = [
        Goal(f"{what}: {load}", f"saturation-{size}", limit, ratio(CPU, over), aim=aim)
        for what, (over, of_sizes, aim) in limits.items()
        for (size, load), limit in zip(SIZES.items(), of_sizes, strict=True)
    ]
    top = "highest rate with 99 % delivered, against nginx + Nchan"
    goals += [
        Goal(f"{top}: {load}", f"saturation-{size}", limit, ratio(TOP, "nchan"), at_least=True)
        for (size, load), limit in zip(SIZES.items(), (0.9, 1.0, 1.2), strict=True)
    ]
    return goals


GOALS = (
    *_at_saturation(),
    *(
        Goal(
            f"latency {quantile} at 10 fps, 50 KB x 500, against nginx + Nchan",
            "light",
            0.7,
            ratio(f"latency_{quantile}_ms", "nchan"),
        )
        for quantile in ("p50", "p99")
    ),
    *(
        Goal(
            f"CPU per part {cases}, deviation from flat",
            figure,
            25,
            deviation(CPU),
            unit="%",
            digits=0,
        )
        for cases, figure in (
            ("with more clients of one stream", "growth-clients"),
            ("with more streams of 4 clients", "growth-streams"),
        )
    ),
    Goal(
        "resident memory per idle client",
        "memory-idle",
        4,
        worst("kib_per_client"),
        unit="KiB",
        digits=1,
    ),
    *(
        Goal(
            f"memory per client that never reads, on top of its client_buffer_bytes{which}",
            figure,
            64,
            worst("kib_per_client", case="4 of 4", minus=BUFFER_KIB),
            unit="KiB",
            digits=0,
        )
        for which, figure in (
            ("", "memory-stuck"),
            (", smallest receive buffer", "memory-stuck-small"),
        )
    ),
    Goal(
        "the same, last look against first",
        "memory-stuck",
        1.1,
        change("kib_per_client", "1 of 4", "4 of 4"),
    ),
    Goal(
        "age of what a client at 20 % of the rate receives, p99",
        "age",
        SLOW_AGE_S,
        worst("age_p99_s"),
        unit="s",
    ),
    Goal(
        "parts that the other nine skipped meanwhile",
        "age",
        0,
        worst("others_gaps"),
        unit="parts",
        digits=0,
    ),
    Goal(
        "highest rate at 200 KB x 100, against 8 MiB that may wait",
        "freshness",
        0.95,
        ratio(TOP, "partcast-deep"),
        at_least=True,
    ),
    Goal(
        "highest rate of two workers, against one",
        "workers",
        1.8,
        ratio(TOP, "partcast", server="partcast-2-workers"),
        at_least=True,
    ),
    *(
        Goal(
            f"the same, with 40 % of a core for each worker, {clients} clients",
            f"workers-shares-{clients}",
            1.8,
            ratio(TOP, "partcast-1-share", server="partcast-2-shares"),
            at_least=True,
        )
        for clients in (100, 500)
    ),
    Goal(
        "latest part while 500 clients come per second",
        "storm",
        100,
        worst("storm_max_ms", "newcomers_max_ms"),
        unit="ms",
        digits=0,
    ),
    *(
        Goal(
            f"longest turn of the event loop, {case}",
            "loop-hold",
            10,
            worst("hold_max_ms", case=case),
            unit="ms",
            digits=1,
        )
        for case in ("fan-out", "fan-out of 200 KB", "flood")
    ),
)
