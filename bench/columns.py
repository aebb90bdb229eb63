"""What the tables of the report show of a row."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One figure of a row, in words.

    Attributes:
        key: of the row.
        title: with the unit.
        digits: behind the point.
        scale: what the value is multiplied by to come to the unit.
        spread: whether the table shows the lowest and the highest round too.

    """

    key: str
    title: str
    digits: int = 1
    scale: float = 1
    spread: bool = False


CPU = Column("cpu_us_per_part", "CPU per part, µs", 2, spread=True)
DELIVERED = Column("delivered", "delivered, %", 1, 100)
DAMAGE = Column("damage", "damage", 0)
P50 = Column("latency_p50_ms", "latency p50, ms", 1)
P99 = Column("latency_p99_ms", "p99, ms", 1)
SERVER_USE = Column("server_core_use", "server's core, %", 0, 100)
LOAD_USE = Column("load_core_use", "load's core, %", 0, 100)
TOP = Column("top_parts_per_s", "highest rate, thousand parts/s", 1, 0.001, spread=True)
AT_TOP = (CPU, TOP, P50, P99, DELIVERED, SERVER_USE, LOAD_USE, DAMAGE)
STEADY = (CPU, P50, P99, DELIVERED, SERVER_USE, DAMAGE)
STORM = (
    Column("storm_max_ms", "latest part of those served, ms", spread=True),
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
    Column("hold_max_ms", "longest turn, ms", spread=True),
    Column("hold_p99_ms", "p99, ms"),
    Column("answer_max_ms", "longest answer, ms"),
    Column("answer_p99_ms", "p99, ms"),
    Column("answer_p50_ms", "p50, ms", 2),
)
AGE = (
    Column("age_p99_s", "age p99, s", 2, spread=True),
    Column("age_p50_s", "p50, s", 2),
    Column("age_max_s", "oldest, start included, s", 2),
    Column("age_last_s", "at the end, s", 2),
    Column("parts", "parts it got", 0),
    Column("others_gaps", "parts others skipped", 0),
    Column("others_p99_ms", "latency p99 of others, ms"),
    DAMAGE,
)
STUCK = (
    Column("kib_per_client", "KiB per client", 0, spread=True),
    Column("kernel_kib_per_client", "of it in the kernel", 0),
    Column("user_kib_per_client", "in the process", 0),
    Column("still_open", "still connected", 0),
    Column("others_gaps", "parts others skipped", 0),
)
INTAKE = (
    Column("frames_per_s", "frames/s", 0, spread=True),
    Column("mb_per_s", "MB/s", 0),
    SERVER_USE,
    LOAD_USE,
)
PASSAGE = (
    Column("frames_per_s", "frames/s behind it", 0, spread=True),
    Column("mb_per_s", "MB/s", 0),
    Column("cpu_us_per_frame", "CPU per frame, µs", 2),
    Column("passed", "passed, %", 1, 100),
    SERVER_USE,
)
FLOOD = (
    Column("events_per_s", "events/s the program got", 0, spread=True),
    Column("sent_per_s", "events/s sent", 0),
    Column("cpu_us_per_event", "CPU per event, µs", 1),
    Column("right_after_s", "right after, s", 2),
    SERVER_USE,
    LOAD_USE,
)
CHURN = (
    Column("events_per_s", "events/s", 0, spread=True),
    Column("right_after_s", "right after, s", 2),
    Column("came", "came", 0),
    Column("left", "left", 0),
    Column("failed", "turned away", 0),
    Column("first_part_p99_ms", "first part after, p99, ms", 0),
    SERVER_USE,
)
LIGHT = (CPU, P50, P99, Column("latency_max_ms", "max, ms"), DELIVERED, DAMAGE)
IDLE = (Column("kib_per_client", "KiB per client", 2, spread=True),)
