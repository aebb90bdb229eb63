"""Records made up for a test: known figures in, known sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.record import Measurement, Record, Row, Run

MACHINE = {
    "cpu": "Test CPU",
    "cores": 2,
    "memory_mib": 1024,
    "virtual": False,
    "kernel": "6.1",
    "system": "Debian",
    "sysctl": {},
}


def run(number: int = 1, source: str = "abc1234", **more: Any) -> Run:
    return Run(
        number=number,
        started="2026-01-02 03:04 +0000",
        command="python -m bench",
        source=source,
        effort={"rounds": 5, "window_s": 3.0},
        versions={"python": "3.11.7"},
        **more,
    )


def measured(
    figure: str, server: str, number: int, rows: Sequence[Row], **more: Any
) -> Measurement:
    """Returns what one server showed in one round."""
    return Measurement(
        run=more.pop("run", 1),
        figure=figure,
        server=server,
        round=number,
        started="03:05:00",
        took_s=1.0,
        rows=list(rows),
        **more,
    )


def record_of(figure: str, rows: Mapping[str, Sequence[Row]]) -> Record:
    """Returns a record with one row for each round of each server."""
    record = Record(MACHINE, [run()])
    for server, rounds in rows.items():
        for number, row in enumerate(rounds, 1):
            record.measurements.append(measured(figure, server, number, [row]))
    return record
