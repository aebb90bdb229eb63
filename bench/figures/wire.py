"""Frames and events on ZeroMQ."""

from bench import columns
from bench.figures.figure import Figure
from bench.procedures.events import Churn, Flood
from bench.procedures.relay import Passage
from bench.procedures.wire import Intake


def wire_figures(*, short: bool) -> list[Figure]:
    """Gives what is measured of the wire: frames in, frames through, events out."""
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
