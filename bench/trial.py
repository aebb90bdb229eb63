"""One server under one load: started, measured over steady windows, and ended."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.accounting import cpu_s
from bench.build import compiled
from bench.cores import pinned_cores, shared_cores
from bench.process import Child, ChildError
from bench.servers import Place, Plan, Running, Server

TRIAL_LIFE_S = 900  # the load client ends itself by then
CONNECT_TIMEOUT_S = 30
PUBLISHER_TIMEOUT_S = 10
SUBSCRIBE_S = 0.3  # a new PUB drops what it sends before the subscription is there
CHECK_EVERY = 16  # of many clients' parts, one in so many is compared byte by byte


@dataclass(frozen=True)
class Group:
    """Clients of one kind; load.c says what each key means."""

    count: int
    name: str = "base"
    streams: int = 1
    rate: int = 0
    rcvbuf: int = 0
    rush: int = 0
    hold_ms: int = 0
    wait: bool = False
    series: bool = False
    check: int = CHECK_EVERY

    def argument(self, path: str, *, tls: bool) -> str:
        keys = ("name", "count", "streams", "rate", "rcvbuf", "rush", "hold_ms", "check")
        pairs = [f"{key}={getattr(self, key)}" for key in keys]
        pairs += [f"wait={int(self.wait)}", f"series={int(self.series)}"]
        pairs += [f"tls={int(tls)}", f"path={path}"]
        return ",".join(pairs)


@dataclass(frozen=True)
class Window:
    """What happened between two moments, counted by the clients, the kernel and the publisher."""

    elapsed_s: float
    counted_s: float  # by the load client's clock: busy, it ends its count a little late
    server_cpu_s: float
    publisher_cpu_s: float
    client_cpu_s: float
    rate: float  # frames per second asked for
    sent: int
    clients: int
    groups: dict[str, dict[str, Any]]

    def total(self, key: str) -> int:
        return sum(group[key] for group in self.groups.values())

    @property
    def parts(self) -> int:
        return self.total("parts")

    @property
    def damage(self) -> int:
        """Gives what must be zero whatever the load: damaged or disordered parts, lost clients."""
        keys = ("corrupt", "malformed", "disorder", "failed", "closed")
        return sum(self.total(key) for key in keys)

    @property
    def cpu_us_per_part(self) -> float:
        if not self.parts:
            return float("inf")
        return self.server_core_use * 1e6 * self.counted_s / self.parts

    @property
    def load_core_use(self) -> float:
        """Gives how busy load client and publisher kept their core: near 1 they are the limit."""
        return (self.client_cpu_s + self.publisher_cpu_s) / self.elapsed_s

    @property
    def server_core_use(self) -> float:
        return self.server_cpu_s / self.elapsed_s

    def delivered(self, watchers_per_frame: float) -> float:
        """Gives the share of asked-for deliveries that arrived whole."""
        asked = self.rate * self.counted_s * watchers_per_frame
        return self.parts / asked if asked else 0.0

    def latency_ms(self, quantile: str, group: str = "base") -> float:
        return float(self.groups[group]["latency_us"][quantile]) / 1000


class Trial:
    """A running server with its publisher and its clients, as a context.

    `sure` has the publisher wait for room instead of dropping; `pinned` gives the server cores
    of its own.
    """

    def __init__(
        self,
        server: Server,
        plan: Plan,
        *groups: Group,
        sure: bool = False,
        pinned: bool = True,
    ) -> None:
        self._server = server
        self._plan = plan
        self._groups = groups
        self._sure = sure
        self._pinned = pinned
        self._ending = ExitStack()
        self._rate = 0.0

    def __enter__(self) -> Self:
        cores = pinned_cores() if self._pinned else shared_cores()
        mine = cores.for_server(self._server.cores) if self._pinned else cores.servers
        with ExitStack() as ending:
            directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
            directory.chmod(0o755)  # servers that change their user must get in
            self._load_place = Place(cores.load, directory)
            self.running = self._server.start(self._plan, Place(mine, directory), ending)
            self._source = self._start_source(self.running, ending)
            self._load = self._start_load(ending) if self._groups else None
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()

    @cached_property
    def pids(self) -> list[int]:
        """Gives the server's processes, all of them; looked up once, when it is up."""
        return self.running.pids

    def start(self, command: Sequence[str]) -> Child:
        """Starts one more process beside the load; it ends with the trial."""
        return self._load_place.start(self._ending, command)

    def set_rate(self, frames_per_s: float) -> None:
        """Has frames published at this rate over all streams together."""
        self._rate = frames_per_s
        self._source.ask(f"rate {frames_per_s}")

    def launch(self, group: str) -> None:
        self._ask_load(f"launch {group}")

    def wait_connected(self, *names: str) -> None:
        """Waits until every client of these groups, or of all that do not wait, has its stream."""
        wanted = names or tuple(group.name for group in self._groups if not group.wait)
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while True:
            groups = self._ask_load("status")["groups"]
            if all(groups[name]["open"] == groups[name]["clients"] for name in wanted):
                return
            failed = sum(groups[name]["failed"] for name in wanted)
            if failed or time.monotonic() > deadline:
                found = ", ".join(
                    f"{groups[name]['open']} of {groups[name]['clients']}" for name in wanted
                )
                raise ChildError(f"{found} clients have their stream, {failed} were refused")
            time.sleep(0.05)

    def window(self, seconds: float) -> Window:
        """Measures what happens in the next seconds."""
        before = self._begin()
        time.sleep(seconds)
        return self._end(*before)

    @property
    def sent(self) -> int:
        """Gives the frames handed to the server since the start."""
        return int(self._source.ask("mark").removeprefix("sent "))

    def drain(self, most_s: float = 15) -> None:
        """Stops publishing and waits until nothing is under way."""
        self.set_rate(0)
        deadline = time.monotonic() + most_s
        while self.window(0.15).total("wire_bytes"):
            if time.monotonic() > deadline:
                raise ChildError(f"{self._server.name} still sends after {most_s} s of silence")

    def _begin(self) -> tuple[float, int, float, float]:
        sent = self.sent
        self._ask_load("begin")
        return time.monotonic(), sent, cpu_s(self.pids), self._publisher_cpu_s()

    def _end(
        self, started_s: float, sent: int, server_cpu_s: float, publisher_cpu_s: float
    ) -> Window:
        server_cpu_s = cpu_s(self.pids) - server_cpu_s
        elapsed_s = time.monotonic() - started_s
        report = self._ask_load("end")
        return Window(
            elapsed_s=elapsed_s,
            counted_s=report["elapsed_s"],
            server_cpu_s=server_cpu_s,
            publisher_cpu_s=self._publisher_cpu_s() - publisher_cpu_s,
            client_cpu_s=report["own_cpu_s"],
            rate=self._rate,
            sent=self.sent - sent,
            clients=sum(group["opened"] for group in report["groups"].values()),
            groups=report["groups"],
        )

    def _start_source(self, running: Running, ending: ExitStack) -> Child:
        """Gives what takes `rate` and `mark`: a publisher, or the server where it has none."""
        if not running.way_in:
            return running.children[0]
        options = ["--payload-bytes", str(self._plan.payload_bytes)]
        options += ["--streams", str(self._plan.streams)]
        options += ["--content-type", self._plan.content_type]
        options += ["--sure"] if self._sure else []
        command = [sys.executable, "-m", "bench.publish", *running.way_in, *options]
        child = self._load_place.start(ending, command)
        child.read_until("ready", PUBLISHER_TIMEOUT_S)
        time.sleep(SUBSCRIBE_S)
        return child

    def _start_load(self, ending: ExitStack) -> Child:
        running = self.running
        groups = [group.argument(running.path, tls=running.tls) for group in self._groups]
        command = [str(compiled("load")), str(running.port), str(TRIAL_LIFE_S), *groups]
        return self._load_place.start(ending, command)

    def _publisher_cpu_s(self) -> float:
        """Gives 0 for a server that makes its frames itself: that is in the server's time."""
        return cpu_s(self._source.pids) if self.running.way_in else 0.0

    def _ask_load(self, line: str) -> dict[str, Any]:
        if self._load is None:
            return {"own_cpu_s": 0.0, "elapsed_s": 0.0, "groups": {}}
        answer: dict[str, Any] = json.loads(self._load.ask(line))
        return answer
