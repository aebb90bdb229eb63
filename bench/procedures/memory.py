"""What clients cost in memory: those that wait, and those that never read."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.accounting import kernel_tcp_kib, pss_kib
from bench.cores import UnavailableError
from bench.procedures import START_S, Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial

CONNECT_PER_S = 1500  # about how many clients a server accepts
REST_S = 0.5  # allocators settle


@dataclass(frozen=True)
class IdleMemory:
    """Memory per client of a silent stream, once a first batch has warmed the server up."""

    first: int = 500
    more: int = 2000

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del effort, earlier
        groups = Group(self.first), Group(self.more, name="more", wait=True)
        with Trial(server, Plan(1000), *groups) as trial:
            trial.wait_connected()
            time.sleep(REST_S)
            before_kib = pss_kib(trial.pids)
            trial.launch("more")
            trial.wait_connected("more")
            time.sleep(REST_S)
            after_kib = pss_kib(trial.pids)
        return [{"kib_per_client": (after_kib - before_kib) / self.more}]

    def estimate_s(self, effort: Effort, /) -> float:
        del effort
        return START_S + 2 * REST_S + (self.first + self.more) / CONNECT_PER_S


@dataclass(frozen=True)
class StuckMemory:
    """Memory per client that takes nothing, early and late, while a few others watch."""

    payload_bytes: int = 50_000
    frames_per_s: float = 20
    stuck: int = 200
    others: int = 10
    rcvbuf: int = 0  # the smallest, 4096, makes the kernel cut what waits into small pieces
    most_s: float = 24  # a streamer throws them out after 30 s
    looks: int = 4

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        if shutil.which("ss") is None:
            raise UnavailableError("apt-get install iproute2")
        stuck = Group(self.stuck, name="stuck", rate=-1, rcvbuf=self.rcvbuf, wait=True)
        with Trial(server, Plan(self.payload_bytes), Group(self.others), stuck) as trial:
            trial.wait_connected()
            trial.set_rate(self.frames_per_s)
            time.sleep(effort.settle_s)
            before_kib = pss_kib(trial.pids), kernel_tcp_kib(trial.running.port)
            trial.launch("stuck")
            trial.wait_connected("stuck")
            every_s = self._watched_s(effort) / self.looks
            looks = [self._look(trial, every_s, *before_kib) for _ in range(self.looks)]
        return [{"case": f"{n} of {self.looks}", **look} for n, look in enumerate(looks, 1)]

    def estimate_s(self, effort: Effort, /) -> float:
        return START_S + effort.settle_s + self._watched_s(effort)

    def _watched_s(self, effort: Effort) -> float:
        return min(effort.slow_s, self.most_s)

    def _look(self, trial: Trial, every_s: float, pss_before: float, tcp_before: float) -> Row:
        window = trial.window(every_s)
        user_kib = (pss_kib(trial.pids) - pss_before) / self.stuck
        kernel_kib = (kernel_tcp_kib(trial.running.port) - tcp_before) / self.stuck
        return {
            "user_kib_per_client": user_kib,
            "kernel_kib_per_client": kernel_kib,
            "kib_per_client": user_kib + kernel_kib,
            "still_open": window.groups["stuck"]["open"],
            "others_gaps": window.groups["base"]["gaps"],
        }
