"""Which figures there are: how each is measured, of which servers, and what its table shows."""

from collections.abc import Sequence
from dataclasses import dataclass

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
class Column:
    """One figure of a row, in words.

    Attributes:
        key: of the row.
        title: with the unit.
        digits: behind the point.
        scale: what the value is multiplied by to come to the unit.

    """

    key: str
    title: str
    digits: int = 1
    scale: float = 1


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

    """

    name: str
    title: str
    procedure: Procedure
    servers: tuple[str, ...]
    columns: tuple[Column, ...]
    beside: tuple[str, ...] = ()
    case: str = ""
    rounds: int | None = None


MAIN = ("floor", "partcast", "nchan", "plain")
OTHERS = ("pushpin", "flask", "vidgear")
CPU = Column("cpu_us_per_part", "CPU per part, µs", 2)
DELIVERED = Column("delivered", "delivered, %", 1, 100)
DAMAGE = Column("damage", "damage", 0)
P50 = Column("latency_p50_ms", "latency p50, ms", 1)
P99 = Column("latency_p99_ms", "p99, ms", 1)
SERVER_USE = Column("server_core_use", "server's core, %", 0, 100)
LOAD_USE = Column("load_core_use", "load's core, %", 0, 100)
TOP = Column("top_parts_per_s", "highest rate, thousand parts/s", 1, 0.001)
AT_TOP = (CPU, TOP, P50, P99, DELIVERED, SERVER_USE, LOAD_USE, DAMAGE)
STEADY = (CPU, P50, P99, DELIVERED, SERVER_USE, DAMAGE)
STORM = (
    Column("storm_max_ms", "latest part of those served, ms"),
    Column("newcomers_max_ms", "of newcomers, ms"),
    Column("storm_p99_ms", "p99 of those served, ms"),
    Column("calm_max_ms", "latest before, ms"),
    Column("first_part_p99_ms", "first part after, p99, ms"),
    Column("served_gaps", "parts skipped", 0),
    Column("came", "came", 0),
    Column("failed", "turned away", 0),
    SERVER_USE,
)
HOLD = (
    Column("hold_max_ms", "longest turn, ms"),
    Column("hold_p99_ms", "p99, ms"),
    Column("answer_max_ms", "longest answer, ms"),
    Column("answer_p99_ms", "p99, ms"),
    Column("answer_p50_ms", "p50, ms", 2),
)
AGE = (
    Column("age_p99_s", "age p99, s", 2),
    Column("age_p50_s", "p50, s", 2),
    Column("age_max_s", "oldest, start included, s", 2),
    Column("age_last_s", "at the end, s", 2),
    Column("parts", "parts it got", 0),
    Column("others_gaps", "parts others skipped", 0),
    Column("others_p99_ms", "latency p99 of others, ms"),
    DAMAGE,
)
STUCK = (
    Column("kib_per_client", "KiB per client", 0),
    Column("kernel_kib_per_client", "of it in the kernel", 0),
    Column("user_kib_per_client", "in the process", 0),
    Column("still_open", "still connected", 0),
    Column("others_gaps", "parts others skipped", 0),
)
INTAKE = (
    Column("frames_per_s", "frames/s", 0),
    Column("mb_per_s", "MB/s", 0),
    SERVER_USE,
    LOAD_USE,
)
PASSAGE = (
    Column("frames_per_s", "frames/s behind it", 0),
    Column("mb_per_s", "MB/s", 0),
    Column("cpu_us_per_frame", "CPU per frame, µs", 2),
    Column("passed", "passed, %", 1, 100),
    SERVER_USE,
)
FLOOD = (
    Column("events_per_s", "events/s the program got", 0),
    Column("sent_per_s", "events/s sent", 0),
    Column("cpu_us_per_event", "CPU per event, µs", 1),
    Column("right_after_s", "right after, s", 2),
    SERVER_USE,
    LOAD_USE,
)
CHURN = (
    Column("events_per_s", "events/s", 0),
    Column("right_after_s", "right after, s", 2),
    Column("came", "came", 0),
    Column("left", "left", 0),
    Column("failed", "turned away", 0),
    Column("first_part_p99_ms", "first part after, p99, ms", 0),
    SERVER_USE,
)


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
            AT_TOP,
            beside=OTHERS,
        ),
        Figure("saturation-50k", title.format("50 KB"), middle, MAIN, AT_TOP, beside=OTHERS),
        Figure("saturation-200k", title.format("200 KB"), large, MAIN, AT_TOP, beside=OTHERS),
        Figure(
            "saturation-tls",
            f"{title.format('50 KB')}, over TLS",
            Saturation(50_000, 100, 8_000),
            ("partcast-tls", "nchan-tls"),
            AT_TOP,
        ),
        Figure(
            "freshness",
            "What freshness costs at saturation: 200 KB, 100 clients, against 8 MiB that may wait",
            large,
            ("partcast", "partcast-deep"),
            AT_TOP,
        ),
        Figure(
            "workers",
            f"{title.format('50 KB')}, and two workers on two cores",
            middle,
            ("partcast", "partcast-2-workers"),
            AT_TOP,
        ),
        Figure(
            "workers-shared",
            "One and two workers on all cores together with the load, nothing pinned: 50 KB",
            shared,
            ("partcast", "partcast-2-workers"),
            AT_TOP,
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
            (CPU, P50, P99, Column("latency_max_ms", "max, ms"), DELIVERED, DAMAGE),
            beside=("flask", "mjpeg-streamer", "vidgear", "pushpin"),
        ),
        Figure(
            "growth-clients",
            "More clients of one stream: 2 KB, 20,000 parts per second in all",
            growth_of_clients(*clients),
            ("floor", "partcast"),
            STEADY,
            beside=("nchan", "plain"),
            case="clients",
        ),
        Figure(
            "growth-streams",
            "More streams of 4 clients: 2 KB, 2,000 frames per second in all",
            growth_of_streams(*streams),
            ("partcast",),
            STEADY,
            beside=("nchan", "plain"),
            case="streams",
        ),
        Figure(
            "relay-cost",
            "With a relay in between, its own CPU included",
            relayed,
            ("partcast", "partcast-relayed"),
            STEADY,
            case="load",
        ),
        Figure(
            "memory-idle",
            "Memory of a client of a silent stream",
            IdleMemory(200, 500) if short else IdleMemory(),
            ("partcast", "nchan", "plain"),
            (Column("kib_per_client", "KiB per client", 2),),
            beside=("flask", "vidgear", "mjpeg-streamer", "pushpin"),
        ),
    ]


def _slow(*, short: bool) -> list[Figure]:
    peers = ("nchan", "plain", "flask")
    return [
        Figure(
            "memory-stuck",
            "Memory of a client that never reads, while time passes: 50 KB at 20 frames per second",
            StuckMemory(),
            ("partcast",),
            STUCK,
            beside=("nchan", "plain"),
            case="look",
        ),
        Figure(
            "age",
            "Age of what a client gets that reads at 20 % of the rate: 50 KB at 10 frames per second",
            SlowClient(),
            ("partcast",),
            AGE,
        ),
        Figure(
            "age-of-peers",
            "The same, watched three times as long, beside peers",
            SlowClient(longer=1 if short else 3),
            ("partcast", *peers),
            AGE,
            rounds=1,
        ),
        Figure(
            "storm",
            "500 new clients per second while 200 are served: 20 KB at 10 frames per second",
            Storm(),
            ("partcast",),
            STORM,
            beside=("nchan", "plain"),
        ),
        Figure(
            "loop-hold",
            "How long the event loop is away: a frame to 2,000 clients, or a flood of frames",
            LoopHold(),
            ("partcast",),
            HOLD,
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
            INTAKE,
            case="bytes",
        ),
        Figure(
            "relay",
            "Frames that pass a relay, a publisher and a subscriber sharing the other core",
            Passage(),
            ("partcast-relay", "zmq-proxy"),
            PASSAGE,
            case="bytes",
        ),
        Figure(
            "events",
            "Connection events that a producer follows: 10,000 clients come and go, flat out",
            Flood(),
            ("producer", "async-producer", "raw-sub"),
            FLOOD,
        ),
        Figure(
            "churn",
            f"{churn.clients:,} real clients come and go at a streamer, a producer following",
            churn,
            ("partcast",),
            CHURN,
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
    return [
        each for each in everything if not names or any(each.name.startswith(n) for n in names)
    ]
