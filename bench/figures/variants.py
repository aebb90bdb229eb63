"""What each optimisation of the streamer brings."""

from bench import columns
from bench.figures.figure import Figure
from bench.procedures.age import SlowClient
from bench.procedures.saturation import Saturation


def variant_figures() -> list[Figure]:
    """Gives what each optimisation brings: the streamer beside itself without it."""
    small = "2 KB, 500 clients", Saturation(2_000, 500, 64_000)
    middle = "50 KB, 100 clients", Saturation(50_000, 100, 32_000)
    large = "200 KB, 100 clients", Saturation(200_000, 100, 8_000)
    loads = {
        "no-batching": small,
        "no-ceiling": middle,
        "no-rows": middle,
        "no-freshness": large,
        "always-fresh": large,
        "uvloop": small,
    }
    at_saturation = [
        Figure(
            f"variant-{variant}",
            f"At saturation, the streamer beside itself with {variant}: {load}",
            procedure,
            ("partcast", f"partcast-{variant}"),
            columns.AT_TOP,
            asked_for=True,
        )
        for variant, (load, procedure) in loads.items()
    ]
    without_copy = [
        Figure(
            f"variant-sendfile-{name}",
            f"At saturation, the floor beside one that sends without a copy: {load}",
            procedure,
            ("floor", "floor-sendfile"),
            columns.AT_TOP,
            asked_for=True,
        )
        for name, (load, procedure) in {"2k": small, "50k": middle, "200k": large}.items()
    ]
    slow = Figure(
        "variant-age",
        "Age of what a slow client gets, the streamer beside itself with no-freshness",
        SlowClient(),
        ("partcast", "partcast-no-freshness"),
        columns.AGE,
        asked_for=True,
    )
    return [*at_saturation, *without_copy, slow]
