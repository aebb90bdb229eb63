"""Does one more client, or one more stream, cost what the one before did."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial


def cost(server: Server, plan: Plan, group: Group, frames_per_s: float, effort: Effort) -> Row:
    """Gives what a part costs under one steady load."""
    with Trial(server, plan, group) as trial:
        trial.wait_connected()
        trial.set_rate(frames_per_s)
        time.sleep(effort.settle_s + 1)
        window = trial.window(effort.window_s * 2)
    return {
        "cpu_us_per_part": window.cpu_us_per_part,
        "delivered": window.delivered(group.count / group.streams),
        "latency_p99_ms": window.latency_ms("p99"),
        "damage": window.damage,
    }


@dataclass(frozen=True)
class GrowthOfClients:
    """More clients of one stream; the parts per second stay the same, so only the number differs."""

    payload_bytes: int = 2000
    parts_per_s: float = 20_000
    clients: tuple[int, ...] = (100, 500, 1000, 2000, 5000)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row]) -> list[Row]:
        del earlier
        plan = Plan(self.payload_bytes)
        return [
            {"case": str(n), **cost(server, plan, Group(n), self.parts_per_s / n, effort)}
            for n in self.clients
        ]


@dataclass(frozen=True)
class GrowthOfStreams:
    """More streams of a few clients each; the frames per second stay the same over all."""

    payload_bytes: int = 2000
    frames_per_s: float = 2000
    clients_per_stream: int = 4
    streams: tuple[int, ...] = (1, 10, 100, 500)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row]) -> list[Row]:
        del earlier
        return [{"case": str(n), **self._row(server, n, effort)} for n in self.streams]

    def _row(self, server: Server, streams: int, effort: Effort) -> Row:
        plan = Plan(self.payload_bytes, streams=streams)
        group = Group(self.clients_per_stream * streams, streams=streams)
        return cost(server, plan, group, self.frames_per_s, effort)
