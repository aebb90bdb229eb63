"""The programs of this project, as installed beside this Python, on their defaults."""

import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.build import INSTALL_PEERS, INSTALL_TLS, has_tls, peer_has
from bench.process import Child
from bench.quota import Quota, missing_quota
from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running, make_certificate

PROGRAMS = Path(sys.executable).parent
ANYWHERE = "tcp://127.0.0.1:0"


def _missing(program: str) -> str | None:
    return None if (PROGRAMS / program).exists() else "make .venv/.ready"


@dataclass(frozen=True)
class Partcast:
    """The streamer.

    Attributes:
        name: what the report calls this way of running it.
        stream_settings: TOML lines for the table of all streams.
        workers: processes that share the port; each has a core of its own, or its share of one.
        tls: whether it serves HTTPS.
        relayed: whether frames come through a relay of ours, which then counts too.
        variant: of bench.variant; empty for the streamer as it is.
        share: of a core that each worker may use; 1 for no such limit.

    """

    name: str = "partcast"
    stream_settings: str = ""
    workers: int = 1
    tls: bool = False
    relayed: bool = False
    variant: str = ""
    share: float = 1

    @property
    def cores(self) -> int:
        return self.workers if self.share == 1 else 1

    def missing(self) -> str | None:
        if self.tls and not (has_tls() and shutil.which("openssl")):
            return INSTALL_TLS
        if self.variant == "uvloop" and not peer_has("uvloop"):
            return INSTALL_PEERS
        if self.share < 1 and (needed := missing_quota()):
            return needed
        return _missing("partcast-streamer")

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        children: list[Child] = []
        quota = ending.enter_context(Quota(self.share, self.workers)) if self.share < 1 else None
        sides = ["--bind-frames", ANYWHERE, "--bind-events", ANYWHERE]
        if self.relayed:
            relay = Relay().start_relay(place, ending)
            children.append(relay.child)
            sides = ["--connect-frames", relay.streamer_frames]
            sides += ["--connect-events", relay.streamer_events]
        child = place.start(ending, [*self._command(plan, place.directory), *sides])
        ready = child.read_until(
            r"ready: http \S+:(\d+)\S* frames (\S+) events (\S+)", START_TIMEOUT_S
        )
        if quota is not None:
            workers = _workers(child) if self.workers > 1 else child.pids
            quota.hold(workers, set(child.pids) - set(workers))
        return Running(
            [child, *children],
            int(ready[1]),
            tls=self.tls,
            way_in=["zmq", relay.producer_frames if self.relayed else ready[2]],
            events=relay.producer_events if self.relayed else ready[3],
            health_path="/healthz",
            timed=child if plan.timed_loop else None,
        )

    def _command(self, plan: Plan, directory: Path) -> list[str]:
        program = [str(PROGRAMS / "partcast-streamer")]
        if plan.timed_loop:
            program = [sys.executable, "-m", "bench.held", "streamer"]
        if self.variant:
            program = [sys.executable, "-m", "bench.variant", self.variant, "streamer"]
        config = directory / "streamer.toml"
        config.write_text(f'[streams."*"]\n{self.stream_settings}\n')
        command = [*program, "--http", "127.0.0.1:0", "--config", str(config)]
        command += ["--workers", str(self.workers)]
        if self.tls:
            made = make_certificate(directory)
            command += ["--tls-cert", str(made.chain), "--tls-key", str(made.key)]
        return command


def _workers(supervisor: Child) -> list[int]:
    """Gives the processes that serve, by how multiprocessing starts them."""
    return [
        pid for pid in supervisor.pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@dataclass(frozen=True)
class RunningRelay:
    """A relay that is up, with its four addresses."""

    child: Child
    producer_frames: str
    producer_events: str
    streamer_frames: str
    streamer_events: str


class Relay:
    """The relay alone, with nothing behind it but what the figure puts there."""

    name = "partcast-relay"
    cores = 1

    def missing(self) -> str | None:
        return _missing("partcast-relay")

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        relay = self.start_relay(place, ending)
        way_in = ["zmq", relay.producer_frames]
        return Running([relay.child], 0, way_in=way_in, way_out=relay.streamer_frames)

    def start_relay(self, place: Place, ending: ExitStack) -> RunningRelay:
        command = [str(PROGRAMS / "partcast-relay")]
        sides = ("producer-frames", "producer-events", "streamer-frames", "streamer-events")
        for side in sides:
            command += [f"--{side}", ANYWHERE]
        child = place.start(ending, command)
        ready = child.read_until(
            "ready: " + " ".join(rf"{side} (\S+)" for side in sides), START_TIMEOUT_S
        )
        return RunningRelay(child, *ready.groups())
