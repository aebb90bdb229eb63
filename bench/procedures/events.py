"""How many connection events a producer can follow, and whether it ends with the truth."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.process import Child, ChildError
from bench.servers import Plan, Server
from bench.stamp import MIN_BYTES
from bench.trial import Group, Trial
from bench.ways import CHURN_CLIENTS

READY_TIMEOUT_S = 10
TRUTH_TIMEOUT_S = 10


@dataclass(frozen=True)
class Flood:
    """A node whose 10,000 clients come and go as fast as the producer takes the events."""

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        with Trial(server, Plan(MIN_BYTES), sure=True) as trial:
            follower = trial.running.children[0]
            trial.set_rate(float("inf"))
            time.sleep(effort.settle_s)
            before, _ = heard(follower)
            window = trial.window(effort.window_s)
            events = heard(follower)[0] - before
            trial.set_rate(0)
            late_s = wait_for(follower, trial.sent, connections_after(trial.sent))
        return [
            {
                "events_per_s": events / window.elapsed_s,
                "sent_per_s": window.sent / window.elapsed_s,
                "cpu_us_per_event": window.server_cpu_s * 1e6 / events if events else None,
                "right_after_s": late_s,
                "server_core_use": window.server_core_use,
                "load_core_use": window.load_core_use,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        return START_S + effort.settle_s + effort.window_s


@dataclass(frozen=True)
class Churn:
    """Real clients come and go at a streamer while a producer follows them."""

    clients: int = CHURN_CLIENTS
    clients_per_s: int = 500
    hold_ms: int = 1000

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del effort, earlier
        crowd = Group(
            self.clients,
            name="crowd",
            rush=self.clients_per_s,
            hold_ms=self.hold_ms,
            wait=True,
        )
        with Trial(server, Plan(MIN_BYTES), crowd) as trial:
            command = ["-m", "bench.follow", "blocking", trial.running.events]
            follower = trial.start([sys.executable, *command])
            follower.read_until("ready", READY_TIMEOUT_S)
            trial.set_rate(1)
            trial.launch("crowd")
            window = trial.window(self._lasts_s)
            came = window.groups["crowd"]
            late_s = wait_for(follower, 2 * came["opened"], 0)
        return [
            {
                "came": came["opened"],
                "left": came["left"],
                "failed": came["failed"],
                "events_per_s": 2 * came["opened"] / self._lasts_s,
                "right_after_s": late_s,
                "server_core_use": window.server_core_use,
                "first_part_p99_ms": came["join_us"]["p99"] / 1000,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        del effort
        return START_S + self._lasts_s

    @property
    def _lasts_s(self) -> float:
        return self.clients / self.clients_per_s + self.hold_ms / 1000 + 0.5


def connections_after(events: int) -> int:
    """Gives how many clients there are after so many events of a flood."""
    step = events % (2 * CHURN_CLIENTS)
    return step if step <= CHURN_CLIENTS else 2 * CHURN_CLIENTS - step


def heard(follower: Child) -> tuple[int, int]:
    """Gives the connections that a follower saw open or close, and the clients it now knows."""
    events, connections = follower.ask("mark").removeprefix("heard ").split()
    return int(events), int(connections)


def wait_for(follower: Child, events: int, connections: int) -> float:
    """Gives how long it takes until a follower has heard all and knows the truth, seconds."""
    began = time.monotonic()
    while (known := heard(follower)) != (events, connections):
        if time.monotonic() - began > TRUTH_TIMEOUT_S:
            wanted = f"{events} events and {connections} clients"
            raise ChildError(f"the follower knows {known} after {TRUTH_TIMEOUT_S} s, not {wanted}")
        time.sleep(0.02)
    return time.monotonic() - began
