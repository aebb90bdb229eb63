"""At saturation."""

from bench import columns
from bench.figures.figure import Figure
from bench.procedures.saturation import Saturation

MAIN = ("floor", "partcast", "nchan", "plain")
OTHERS = ("pushpin", "flask", "vidgear")


def saturation_figures() -> list[Figure]:
    """Gives what is measured at the highest rate that arrives."""
    small, middle, large = (
        Saturation(2_000, 500, 64_000),
        Saturation(50_000, 100, 32_000),
        Saturation(200_000, 100, 8_000),
    )
    shared = Saturation(50_000, 100, 16_000, pinned=False)
    title = "At saturation, one core: {}, a stream of 100 clients"
    return [
        Figure(
            "saturation-2k",
            "At saturation, one core: 2 KB, a stream of 500 clients",
            small,
            MAIN,
            columns.AT_TOP,
            beside=OTHERS,
            over="floor",
        ),
        Figure(
            "saturation-50k",
            title.format("50 KB"),
            middle,
            MAIN,
            columns.AT_TOP,
            beside=OTHERS,
            over="floor",
        ),
        Figure(
            "saturation-200k",
            title.format("200 KB"),
            large,
            MAIN,
            columns.AT_TOP,
            beside=OTHERS,
            over="floor",
        ),
        Figure(
            "saturation-tls",
            f"{title.format('50 KB')}, over TLS",
            Saturation(50_000, 100, 8_000),
            ("partcast-tls", "nchan-tls"),
            columns.AT_TOP,
        ),
        Figure(
            "freshness",
            "What freshness costs at saturation: 200 KB, 100 clients, against 8 MiB that may wait",
            large,
            ("partcast", "partcast-deep"),
            columns.AT_TOP,
        ),
        Figure(
            "workers",
            f"{title.format('50 KB')}, and two workers on two cores",
            middle,
            ("partcast", "partcast-2-workers"),
            columns.AT_TOP,
            cores=3,
        ),
        *(
            Figure(
                f"workers-shares-{clients}",
                f"One and two workers, each with 40 % of a core: 50 KB, {clients} clients",
                Saturation(50_000, clients, 8_000),
                ("partcast-1-share", "partcast-2-shares"),
                columns.AT_TOP,
            )
            for clients in (100, 500)
        ),
        Figure(
            "workers-shared",
            "One and two workers on all cores together with the load, nothing pinned: 50 KB",
            shared,
            ("partcast", "partcast-2-workers"),
            columns.AT_TOP,
            rounds=2,
            cores=1,
        ),
    ]
