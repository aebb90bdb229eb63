"""How old the picture of a slow client is, and whether the others notice."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial

# At first a client may have 256 KiB waiting, as a burst: at its rate they are gone after 2.6 s.
# From here on its age is the usual one.
STEADY_FROM_S = 4.0


@dataclass(frozen=True)
class SlowClient:
    """One client reads at a share of the stream's rate, the others all they get."""

    payload_bytes: int = 50_000
    frames_per_s: float = 10
    others: int = 9
    share: float = 0.2
    rcvbuf: int = 16384  # what its own kernel holds ages too: little of it
    longer: float = 1  # watched for so many times the usual time

    @property
    def part_time_s(self) -> float:
        """Gives how long one part takes the slow client at least."""
        return 1 / (self.frames_per_s * self.share)

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        watched_s = self.longer * effort.slow_s
        rate = int(self.payload_bytes * self.frames_per_s * self.share)
        slow = Group(1, name="slow", rate=rate, rcvbuf=self.rcvbuf, series=True, check=1)
        with Trial(server, Plan(self.payload_bytes), Group(self.others), slow) as trial:
            trial.wait_connected()
            trial.set_rate(self.frames_per_s)
            time.sleep(effort.settle_s)
            window = trial.window(watched_s)
        series = window.groups["slow"]["series_us"]
        steady = [age for at, age in series if at > STEADY_FROM_S * 1e6]
        ages_s = sorted(age / 1e6 for age in steady) or [float("inf")]
        return [
            {
                "age_p50_s": ages_s[len(ages_s) // 2],
                "age_p99_s": ages_s[int(len(ages_s) * 0.99)],
                "age_max_s": max((age / 1e6 for _, age in series), default=float("inf")),
                "age_last_s": steady[-1] / 1e6 if steady else float("inf"),
                "parts": window.groups["slow"]["parts"],
                "others_gaps": window.groups["base"]["gaps"],
                "others_p99_ms": window.latency_ms("p99"),
                "series_s": [[at / 1e6, age / 1e6] for at, age in series],
                "damage": window.damage,
            }
        ]

    def estimate_s(self, effort: Effort, /) -> float:
        return START_S + effort.settle_s + self.longer * effort.slow_s
