"""Newcomers by the hundred, and what those who already watch notice."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial


@dataclass(frozen=True)
class Storm:
    """New clients at a steady pace, each gone after a second, while others are served."""

    payload_bytes: int = 20_000
    frames_per_s: float = 10
    served: int = 200
    newcomers_per_s: int = 500
    hold_ms: int = 1000

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        storm_s = effort.window_s * 2
        newcomers = Group(
            int(self.newcomers_per_s * storm_s),
            name="newcomers",
            rush=self.newcomers_per_s,
            hold_ms=self.hold_ms,
            wait=True,
        )
        with Trial(server, Plan(self.payload_bytes), Group(self.served), newcomers) as trial:
            trial.wait_connected()
            trial.set_rate(self.frames_per_s)
            time.sleep(effort.settle_s)
            calm = trial.window(storm_s)
            trial.launch("newcomers")
            storm = trial.window(storm_s)
        came = storm.groups["newcomers"]
        return [
            {
                "calm_max_ms": calm.latency_ms("max"),
                "storm_p99_ms": storm.latency_ms("p99"),
                "storm_max_ms": storm.latency_ms("max"),
                "newcomers_max_ms": storm.latency_ms("max", "newcomers"),
                "served_gaps": storm.groups["base"]["gaps"],
                "came": came["opened"],
                "failed": came["failed"],
                "first_part_p99_ms": came["join_us"]["p99"] / 1000,
                "server_core_use": storm.server_core_use,
                "damage": calm.damage + storm.damage,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        return START_S + effort.settle_s + effort.window_s * 4
