"""The model's inputs as far as the benchmark has measured them."""

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.model.inputs import Curve, Input, Inputs
from bench.record import Record, load_record

# The case of `growth-clients` that is 10 frames per second.
MANY_CLIENTS = "2000"

Cost = Callable[[Mapping[str, float]], float]


def from_record(record: Record, name: str) -> Inputs:
    """Gives the inputs as far as a record of the benchmark has measured them; else the defaults."""
    source = f"bench/results/{name}"
    found: dict[str, Input | Curve] = {}
    for key, default, points in _curves(record):
        if points:
            found[key] = _completed(default, points, source)
    for key, unit, value in _numbers(record):
        if value is not None:
            found[key] = Input(value, unit, source)
    return Inputs(**found)  # type: ignore[arg-type]  # each is of its field's type


def from_newest_record(folder: Path) -> Inputs:
    """Gives the inputs of the newest record in a folder, the defaults where there is none."""
    records = {path.name: load_record(path) for path in folder.glob("*.json")}
    if not records:
        return Inputs()
    name = max(records, key=lambda each: records[each].runs[0].started)
    return from_record(records[name], name)


def _completed(default: Curve, points: Mapping[int, float], source: str) -> Curve:
    """Gives a curve of what was measured, and of the default where that was not."""
    missing = [size for size in default.points if size not in points]
    said = "".join(f"; at {size:,} {default.source}" for size in missing)
    return Curve({**default.points, **points}, default.unit, source + said)


def _curves(record: Record) -> list[tuple[str, Curve, dict[int, float]]]:
    defaults = Inputs()
    costs = {
        # Small frames: not at saturation, where those that come together are one write.
        2_000: _median_of(record, "growth-clients", "partcast", _cpu_per_part, MANY_CLIENTS),
        50_000: _median(record, "saturation-50k", "partcast", "cpu_us_per_part"),
        200_000: _median(record, "saturation-200k", "partcast", "cpu_us_per_part"),
    }
    part = {size: cost for size, cost in costs.items() if cost is not None}
    intake = _by_size(record, "intake", "partcast", _cpu_per_frame_in)
    relay = _by_size(record, "relay", "partcast-relay", _cpu_per_frame_through)
    return [
        ("part_cpu", defaults.part_cpu, part),
        ("intake_cpu", defaults.intake_cpu, intake),
        ("relay_cpu", defaults.relay_cpu, relay),
    ]


def _numbers(record: Record) -> list[tuple[str, str, float | None]]:
    light = _median(record, "light", "partcast", "cpu_us_per_part")
    busy = _median(record, "saturation-50k", "partcast", "cpu_us_per_part")
    return [
        ("cold", "times", light / busy if light and busy else None),
        ("event_cpu", "us", _median(record, "events", "producer", "cpu_us_per_event")),
        ("client_cpu", "us", _median_of(record, "churn", "partcast", _cpu_per_client)),
        ("client_memory", "KiB", _median(record, "memory-idle", "partcast", "kib_per_client")),
    ]


def _cpu_per_part(row: Mapping[str, float]) -> float:
    return row["cpu_us_per_part"]


def _cpu_per_frame_in(row: Mapping[str, float]) -> float:
    return row["server_core_use"] * 1e6 / row["frames_per_s"]


def _cpu_per_frame_through(row: Mapping[str, float]) -> float:
    return row["cpu_us_per_frame"]


def _cpu_per_client(row: Mapping[str, float]) -> float:
    return row["server_core_use"] * 1e6 / (row["events_per_s"] / 2)


def _median(record: Record, figure: str, server: str, column: str) -> float | None:
    return _median_of(record, figure, server, lambda row: row[column])


def _median_of(
    record: Record,
    figure: str,
    server: str,
    cost: Cost,
    case: str = "",
) -> float | None:
    costs = []
    for _, row in record.rows(figure, server, case):
        try:
            costs.append(float(cost(row)))
        except (KeyError, TypeError, ZeroDivisionError):  # not measured in that round
            continue
    return statistics.median(costs) if costs else None


def _by_size(record: Record, figure: str, server: str, cost: Cost) -> dict[int, float]:
    sizes = sorted(
        {
            int(row["case"])
            for each in record.of_figure(figure)
            for row in each.rows
            if each.server == server and str(row.get("case", "")).isdigit()
        }
    )
    costs = {size: _median_of(record, figure, server, cost, str(size)) for size in sizes}
    return {size: each for size, each in costs.items() if each is not None}
