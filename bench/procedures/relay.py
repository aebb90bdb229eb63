"""How much passes a relay with one subscriber behind it, and what a frame costs it."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.process import Child
from bench.servers import Plan, Server
from bench.trial import Trial

READY_TIMEOUT_S = 10
SUBSCRIBE_S = 0.3  # the subscription passes the relay too


@dataclass(frozen=True)
class Passage:
    """A publisher flat out in front, and a subscriber that only counts behind."""

    sizes: tuple[int, ...] = (2_000, 50_000)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        return [{"case": str(size), **self._row(server, size, effort)} for size in self.sizes]

    def estimate_s(self, effort: Effort, /) -> float:
        return len(self.sizes) * (START_S + effort.settle_s + effort.window_s)

    def _row(self, server: Server, size: int, effort: Effort) -> Row:
        with Trial(server, Plan(size), sure=True) as trial:
            sink = trial.start([sys.executable, "-m", "bench.sink", trial.running.way_out])
            sink.read_until("ready", READY_TIMEOUT_S)
            time.sleep(SUBSCRIBE_S)
            trial.set_rate(float("inf"))
            time.sleep(effort.settle_s)
            before = received(sink)
            window = trial.window(effort.window_s)
            passed = received(sink) - before
        return {
            "frames_per_s": passed / window.elapsed_s,
            "mb_per_s": passed * size / window.elapsed_s / 1e6,
            "cpu_us_per_frame": window.server_cpu_s * 1e6 / passed if passed else None,
            "passed": passed / window.sent if window.sent else None,
            "server_core_use": window.server_core_use,
        }


def received(sink: Child) -> int:
    """Gives the frames that a sink has counted."""
    return int(sink.ask("mark").removeprefix("received "))
