"""The highest rate that arrives, and what a part costs there."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial, Window

ENOUGH = 0.99  # share of asked-for parts that must arrive for a rate to count
FIRST_STEP = 2.0  # a search that knows nothing doubles
LATER_STEP = 1.12  # one that knows the round before looks around there
FINE_ENOUGH = 1.03  # a bracket this narrow is an answer
USUAL_STEPS = 5  # of a search that knows the round before
DRAIN_S = 0.6  # about what a server takes to send what it had taken on too much


class Search:
    """Looks for the highest rate that passes: widens until it fails, then halves the bracket."""

    def __init__(self, start: float, step: float) -> None:
        self.rate = start
        self.passed = 0.0
        self._failed = float("inf")
        self._step = step

    def note(self, *, passed: bool) -> None:
        """Takes the outcome at `rate` and moves on to the next rate worth a try."""
        if passed:
            self.passed = max(self.passed, self.rate)
        else:
            self._failed = min(self._failed, self.rate)
        if not self.passed:
            self.rate = self._failed / self._step
        elif self._failed == float("inf"):
            self.rate = self.passed * self._step
        else:
            self.rate = (self.passed * self._failed) ** 0.5

    @property
    def done(self) -> bool:
        return self._failed / self.passed < FINE_ENOUGH if self.passed else False


@dataclass(frozen=True)
class Saturation:
    """Raises the rate until parts are missing, then measures at the highest rate that passed.

    Attributes:
        payload_bytes: size of each frame.
        clients: who all watch one stream.
        first_parts_per_s: where a search begins that knows no earlier round.
        pinned: whether the server has cores of its own.

    """

    payload_bytes: int
    clients: int
    first_parts_per_s: float
    pinned: bool = True

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        plan, group = Plan(self.payload_bytes), Group(self.clients)
        with Trial(server, plan, group, pinned=self.pinned) as trial:
            trial.wait_connected()
            search = self._search(trial, effort, earlier)
            rate = search.passed or search.rate
            window = self._window(trial, rate, effort.settle_s, effort.window_s)
        return [
            {
                "top_parts_per_s": search.passed,
                "cpu_us_per_part": window.cpu_us_per_part,
                "delivered": window.delivered(self.clients),
                "server_core_use": window.server_core_use,
                "load_core_use": window.load_core_use,
                "latency_p50_ms": window.latency_ms("p50"),
                "latency_p99_ms": window.latency_ms("p99"),
                "damage": window.damage,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        first = min(effort.search_steps, 9)
        steps = (first + (effort.rounds - 1) * USUAL_STEPS) / effort.rounds
        probes_s = steps * (effort.settle_s + effort.probe_s + DRAIN_S / 2)
        return START_S + probes_s + effort.settle_s + effort.window_s

    def _search(self, trial: Trial, effort: Effort, earlier: Sequence[Row]) -> Search:
        known = earlier[-1]["top_parts_per_s"] if earlier else 0.0
        search = Search(known or self.first_parts_per_s, LATER_STEP if known else FIRST_STEP)
        for _ in range(effort.search_steps):
            window = self._window(trial, search.rate, effort.settle_s, effort.probe_s)
            passed = window.delivered(self.clients) >= ENOUGH
            if not passed:
                trial.drain()
            search.note(passed=passed)
            if search.done:
                break
        return search

    def _window(self, trial: Trial, parts_per_s: float, settle_s: float, for_s: float) -> Window:
        trial.set_rate(parts_per_s / self.clients)
        time.sleep(settle_s)
        return trial.window(for_s)
