"""An ordinary load: what a part costs and how late it comes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial

LONGER = 2  # at 10 frames per second a window needs this many times the usual length


@dataclass(frozen=True)
class Light:
    """A few frames per second for some hundred clients."""

    payload_bytes: int
    clients: int
    frames_per_s: float = 10

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        plan = Plan(self.payload_bytes, frames_per_s=self.frames_per_s)
        with Trial(server, plan, Group(self.clients)) as trial:
            trial.wait_connected()
            trial.set_rate(self.frames_per_s)
            time.sleep(self._settle_s(effort))
            window = trial.window(effort.window_s * LONGER)
        return [
            {
                "cpu_us_per_part": window.cpu_us_per_part,
                "latency_p50_ms": window.latency_ms("p50"),
                "latency_p99_ms": window.latency_ms("p99"),
                "latency_max_ms": window.latency_ms("max"),
                "latency_buckets_us": window.groups["base"]["latency_us"]["buckets"],
                "delivered": window.delivered(self.clients),
                "damage": window.damage,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        return START_S + self._settle_s(effort) + effort.window_s * LONGER

    def _settle_s(self, effort: Effort) -> float:
        return effort.settle_s + 2 / self.frames_per_s
