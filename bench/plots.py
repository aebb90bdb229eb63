"""Draws the plots of a record: `<peers' python> -m bench.plots <record.json> <folder>`.

Runs in the peers' environment, which has matplotlib; the harness itself does without.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update(
    {"svg.fonttype": "none", "svg.hashsalt": "partcast", "axes.grid": True, "grid.alpha": 0.3}
)
from matplotlib import pyplot as plt  # noqa: E402  the back end is chosen first
from matplotlib.axes import Axes  # noqa: E402

from bench.record import Record, load_record  # noqa: E402

SIZE_INCHES = (7.0, 4.0)
POINTS = 200  # of a distribution: more would only make the file larger
COLOURS = {
    "partcast": "tab:blue",
    "floor": "black",
    "nchan": "tab:green",
    "plain": "tab:orange",
    "flask": "tab:red",
    "vidgear": "tab:purple",
    "mjpeg-streamer": "tab:brown",
    "pushpin": "tab:pink",
}


def latency(record: Record, axes: Axes) -> bool:
    """Draws which share of the parts had come after how long, all rounds together."""
    for server in servers_of(record, "light"):
        buckets: Counter[float] = Counter()
        for _, row in record.rows("light", server):
            for us, count in row["latency_buckets_us"]:
                buckets[us / 1000] += count
        draw_distribution(axes, server, buckets)
    axes.set(xscale="log", xlabel="latency, ms", ylabel="parts that had come, %")
    return bool(axes.lines)


def draw_distribution(axes: Axes, server: str, buckets: Counter[float]) -> None:
    total, come, points = sum(buckets.values()), 0, []
    for ms, count in sorted(buckets.items()):
        come += count
        points.append((ms, 100 * come / total))
    step = max(1, len(points) // POINTS)
    kept = points[::step] + points[-1:]
    axes.plot(*zip(*kept, strict=True), label=server, color=COLOURS.get(server))


def growth(record: Record, axes: Axes) -> bool:
    """Draws what a part costs where more clients share the same number of parts."""
    for server in servers_of(record, "growth-clients"):
        measured = [
            row
            for each in record.of_figure("growth-clients")
            if each.server == server
            for row in each.rows
        ]
        cases = sorted({int(row["case"]) for row in measured})
        costs = [
            median(row["cpu_us_per_part"] for row in measured if row["case"] == str(case))
            for case in cases
        ]
        axes.plot(cases, costs, marker="o", label=server, color=COLOURS.get(server))
    axes.set(xscale="log", xlabel="clients", ylabel="CPU per part, µs")
    axes.set_ylim(bottom=0)
    return bool(axes.lines)


def age(record: Record, axes: Axes) -> bool:
    """Draws how old each part was when the slow client had it."""
    for server in servers_of(record, "age-of-peers"):
        for _, row in record.rows("age-of-peers", server):
            if row["series_s"]:
                times = zip(*row["series_s"], strict=True)
                axes.plot(*times, label=server, color=COLOURS.get(server))
    axes.set(xlabel="time, s", ylabel="age of the part, s")
    return bool(axes.lines)


def servers_of(record: Record, figure: str) -> Sequence[str]:
    found = {each.server for each in record.of_figure(figure) if each.rows}
    return [*(name for name in COLOURS if name in found), *sorted(found - set(COLOURS))]


def main() -> None:
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    record = load_record(path)
    for draw in (latency, growth, age):
        figure, axes = plt.subplots(figsize=SIZE_INCHES, layout="constrained")
        if draw(record, axes):
            axes.legend()
            file = folder / f"{path.stem}-{draw.__name__}.svg"
            figure.savefig(file, metadata={"Date": None})
            print(file.name)
        plt.close(figure)


if __name__ == "__main__":
    main()
