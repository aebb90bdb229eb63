"""Which figures there are: how each is measured, of which servers, and what its table shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench import columns
from bench.procedures import Procedure
from bench.procedures.age import SlowClient
from bench.procedures.events import Churn, Flood
from bench.procedures.hold import LoopHold
from bench.procedures.light import Light
from bench.procedures.memory import IdleMemory, StuckMemory
from bench.procedures.relay import Passage
from bench.procedures.saturation import Saturation
from bench.procedures.steady import Load, Steady, growth_of_clients, growth_of_streams
from bench.procedures.storm import Storm
from bench.procedures.wire import Intake


@dataclass(frozen=True)
class Figure:
    """One table of the report.

    Attributes:
        name: as `--only` takes it.
        title: what is measured.
        procedure: how.
        servers: measured in every round, one right after the other.
        columns: what the table shows; the first also stands on the progress line.
        beside: servers for orientation, measured in the first round only.
        case: what the cases of a row are, where there are several.
        rounds: how many there are at most, whatever is asked for; None for no such limit.
        cores: how many this machine must have.
        over: the server whose CPU per part the table compares the others' with.

    """

    name: str
    title: str
    procedure: Procedure
    servers: tuple[str, ...]
    columns: tuple[columns.Column, ...]
    beside: tuple[str, ...] = ()
    case: str = ""
    rounds: int | None = None
    cores: int = 2
    over: str = ""

    def rounds_of(self, wanted: int) -> int:
        """Gives how many rounds there are where so many are wanted."""
        return wanted if self.rounds is None else min(wanted, self.rounds)


MAIN = ("floor", "partcast", "nchan", "plain")
OTHERS = ("pushpin", "flask", "vidgear")


def figures(*, short: bool) -> list[Figure]:
    """Gives every figure; the short ones have fewer cases."""
    return [*_saturation(), *_light(short=short), *_slow(short=short), *_wire(short=short)]


def _saturation() -> list[Figure]:
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


def _light(*, short: bool) -> list[Figure]:
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
            beside=("flask", "vidgear", "mjpeg-streamer", "pushpin"),
        ),
    ]


def _slow(*, short: bool) -> list[Figure]:
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
            "How long the event loop is away: a frame to 2,000 clients, or a flood of frames",
            LoopHold(),
            ("partcast",),
            columns.HOLD,
            beside=("plain", "nchan"),
            case="load",
        ),
    ]


def _wire(*, short: bool) -> list[Figure]:
    sizes = (2_000, 500_000) if short else (2_000, 50_000, 500_000, 5_000_000)
    churn = Churn(1_000, 250) if short else Churn()
    return [
        Figure(
            "intake",
            "Frames that one process takes in, nobody watching",
            Intake(sizes),
            ("partcast", "raw-pyzmq"),
            columns.INTAKE,
            case="bytes",
        ),
        Figure(
            "relay",
            "Frames that pass a relay, a publisher and a subscriber sharing the other core",
            Passage(),
            ("partcast-relay", "zmq-proxy"),
            columns.PASSAGE,
            case="bytes",
        ),
        Figure(
            "events",
            "Connection events that a producer follows: 10,000 clients come and go, flat out",
            Flood(),
            ("producer", "async-producer", "raw-sub"),
            columns.FLOOD,
        ),
        Figure(
            "churn",
            f"{churn.clients:,} real clients come and go at a streamer, a producer following",
            churn,
            ("partcast",),
            columns.CHURN,
            rounds=2,
        ),
    ]


def chosen(everything: Sequence[Figure], names: Sequence[str]) -> list[Figure]:
    """Gives the figures of these names, or whose names begin so; all for no name.

    Raises:
        ValueError: for a name that no figure has.

    """
    for name in names:
        if not any(each.name.startswith(name) for each in everything):
            known = ", ".join(each.name for each in everything)
            raise ValueError(f"no figure {name!r}: allowed are {known}, or how a name begins")
    return [each for each in everything if not names or any(each.name.startswith(n) for n in names)]
