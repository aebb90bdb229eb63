"""What a part costs under one steady load: the cases of growth, and of a relay in between."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial

CONNECT_PER_S = 1500  # about how many clients a server accepts


@dataclass(frozen=True)
class Load:
    """One load: so many clients, spread over so many streams, at so many frames per second."""

    case: str
    payload_bytes: int
    clients: int
    frames_per_s: float
    streams: int = 1


@dataclass(frozen=True)
class Steady:
    """Each load in turn, far from saturation."""

    loads: tuple[Load, ...]

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        return [self._row(server, load, effort) for load in self.loads]

    def estimate_s(self, effort: Effort, /) -> float:
        connect_s = sum(load.clients for load in self.loads) / CONNECT_PER_S
        return connect_s + len(self.loads) * (START_S + effort.settle_s * 2 + effort.window_s)

    def _row(self, server: Server, load: Load, effort: Effort) -> Row:
        plan = Plan(load.payload_bytes, streams=load.streams)
        with Trial(server, plan, Group(load.clients, streams=load.streams)) as trial:
            trial.wait_connected()
            trial.set_rate(load.frames_per_s)
            time.sleep(effort.settle_s * 2)
            window = trial.window(effort.window_s)
        return {
            "case": load.case,
            "cpu_us_per_part": window.cpu_us_per_part,
            "delivered": window.delivered(load.clients / load.streams),
            "latency_p50_ms": window.latency_ms("p50"),
            "latency_p99_ms": window.latency_ms("p99"),
            "server_core_use": window.server_core_use,
            "damage": window.damage,
        }


def growth_of_clients(
    *clients: int, payload_bytes: int = 2000, parts_per_s: float = 20_000
) -> Steady:
    """More clients of one stream; the parts per second stay the same, only the number differs."""
    return Steady(tuple(Load(f"{n}", payload_bytes, n, parts_per_s / n) for n in clients))


def growth_of_streams(
    *streams: int, payload_bytes: int = 2000, frames_per_s: float = 2000, clients_each: int = 4
) -> Steady:
    """More streams of a few clients each; the frames per second over all stay the same."""
    return Steady(
        tuple(Load(f"{n}", payload_bytes, n * clients_each, frames_per_s, n) for n in streams)
    )
