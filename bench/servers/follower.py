"""A producer that follows its audience: here the server under test is on the other end."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass

from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running, free_port


@dataclass(frozen=True)
class Follower:
    """Follows the events of one stream; the publisher plays the node that sends them."""

    name: str
    kind: str  # as `python -m bench.follow` wants it
    cores: int = 1

    def missing(self) -> str | None:
        return None

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        events = f"tcp://127.0.0.1:{free_port()}"
        child = place.start(ending, [sys.executable, "-m", "bench.follow", self.kind, events])
        child.read_until("ready", START_TIMEOUT_S)
        return Running([child], 0, way_in=["events", events])
