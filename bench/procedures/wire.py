"""How much one streamer takes in from the wire."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Trial


@dataclass(frozen=True)
class Intake:
    """A publisher flat out that waits instead of dropping: what it sent was taken in."""

    sizes: tuple[int, ...] = (2_000, 50_000, 500_000, 5_000_000)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        return [{"case": str(size), **self._row(server, size, effort)} for size in self.sizes]

    def estimate_s(self, effort: Effort, /) -> float:
        return len(self.sizes) * (START_S + effort.settle_s + effort.window_s)

    def _row(self, server: Server, size: int, effort: Effort) -> Row:
        with Trial(server, Plan(size), sure=True) as trial:
            trial.set_rate(float("inf"))
            time.sleep(effort.settle_s)
            window = trial.window(effort.window_s)
        frames_per_s = window.sent / window.elapsed_s
        return {
            "frames_per_s": frames_per_s,
            "mb_per_s": frames_per_s * size / 1e6,
            "server_core_use": window.server_core_use,
            "load_core_use": window.load_core_use,
        }
