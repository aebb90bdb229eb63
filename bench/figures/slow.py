"""Clients that are slow, stuck, or many at once."""

from bench import columns
from bench.figures.figure import Figure
from bench.procedures.age import SlowClient
from bench.procedures.hold import LoopHold
from bench.procedures.memory import StuckMemory
from bench.procedures.storm import Storm


def slow_figures(*, short: bool) -> list[Figure]:
    """Gives what slow, stuck and many new clients do."""
    peers = ("nchan",) if short else ("nchan", "plain", "flask")
    return [
        Figure(
            "memory-stuck",
            "Memory of a client that never reads, while time passes: 50 KB at 20 frames per second",
            StuckMemory(),
            ("partcast",),
            columns.STUCK,
            beside=("nchan", "plain"),
            case="look",
        ),
        Figure(
            "memory-stuck-small",
            "The same for a client with the smallest receive buffer",
            StuckMemory(rcvbuf=4096),
            ("partcast",),
            columns.STUCK,
            case="look",
            rounds=3,  # memory is steady
        ),
        Figure(
            "age",
            "Age of what a client gets at 20 % of the rate: 50 KB at 10 frames per second",
            SlowClient(),
            ("partcast",),
            columns.AGE,
        ),
        Figure(
            "age-of-peers",
            "The same, watched three times as long, beside peers",
            SlowClient(longer=1 if short else 3),
            ("partcast", *peers),
            columns.AGE,
            rounds=1,
        ),
        Figure(
            "storm",
            "500 new clients per second while 200 are served: 20 KB at 10 frames per second",
            Storm(),
            ("partcast",),
            columns.STORM,
            beside=("nchan", "plain"),
        ),
        Figure(
            "loop-hold",
            "How long the event loop is away: a frame to many clients, or a flood of frames",
            LoopHold(),
            ("partcast",),
            columns.HOLD,
            beside=("plain", "nchan"),
            case="load",
        ),
    ]
