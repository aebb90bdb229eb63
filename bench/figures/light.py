"""Far from saturation."""

from bench import columns
from bench.figures.figure import Figure
from bench.figures.saturation import MAIN
from bench.procedures.light import Light
from bench.procedures.memory import IdleMemory
from bench.procedures.steady import Load, Steady, growth_of_clients, growth_of_streams


def light_figures(*, short: bool) -> list[Figure]:
    """Gives what is measured far from saturation."""
    clients = (100, 1000) if short else (100, 500, 1000, 2000, 5000)
    streams = (1, 100) if short else (1, 10, 100, 500)
    relayed = Steady((Load("2 KB x 500", 2_000, 500, 40), Load("50 KB x 100", 50_000, 100, 50)))
    return [
        Figure(
            "light",
            "10 frames per second: 50 KB, a stream of 500 clients",
            Light(50_000, 500),
            MAIN,
            columns.LIGHT,
            beside=("flask", "mjpeg-streamer", "vidgear", "pushpin"),
            over="floor",
        ),
        Figure(
            "growth-clients",
            "More clients of one stream: 2 KB, 20,000 parts per second in all",
            growth_of_clients(*clients),
            ("floor", "partcast"),
            columns.STEADY,
            beside=("nchan", "plain"),
            case="clients",
            over="floor",
        ),
        Figure(
            "growth-streams",
            "More streams of 4 clients: 2 KB, 2,000 frames per second in all",
            growth_of_streams(*streams),
            ("partcast",),
            columns.STEADY,
            beside=("nchan", "plain"),
            case="streams",
        ),
        Figure(
            "relay-cost",
            "With a relay in between, its own CPU included",
            relayed,
            ("partcast", "partcast-relayed"),
            columns.STEADY,
            case="load",
            over="partcast",
        ),
        Figure(
            "memory-idle",
            "Memory of a client of a silent stream",
            IdleMemory(200, 500) if short else IdleMemory(),
            ("partcast", "nchan", "plain"),
            columns.IDLE,
        ),
        Figure(
            "memory-idle-of-peers",
            "The same with a few hundred clients, which is what these take",
            IdleMemory(100, 300),
            ("partcast", "flask", "vidgear", "mjpeg-streamer", "pushpin"),
            columns.IDLE,
            rounds=1,
            asked_for=short,
        ),
    ]
