"""How to start each server, and how frames get into it.

A new peer is one class here: its name, what is missing, and how it starts.
"""

import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from bench.build import PEERS_PYTHON, ROOT, compiled, peer_has
from bench.process import Child
from bench.publish import BOUNDARY

START_TIMEOUT_S = 20
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Plan:
    """What a server is to serve."""

    payload_bytes: int
    streams: int = 1
    content_type: str = OCTETS
    frames_per_s: float = 10  # for peers with a clock of their own
    workers: int = 1


@dataclass
class Running:
    """A server that is up. Without a way in, it makes the frames itself and takes their rate."""

    children: list[Child]
    port: int
    path: str = "/streams/s%d"
    way_in: list[str] = field(default_factory=list)
    health_path: str | None = None

    @property
    def pids(self) -> list[int]:
        return [pid for child in self.children for pid in child.pids]


@dataclass(frozen=True)
class Place:
    """Where a server may run and write."""

    cores: Sequence[int]
    directory: Path

    @property
    def log(self) -> Path:
        return self.directory / "server.log"


class Server(Protocol):
    """A server under test."""

    @property
    def name(self) -> str: ...

    def missing(self) -> str | None:
        """Says how to install it, when it isn't."""

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        """Starts it; what it starts is ended with `ending`."""


def python_env() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}


def free_port() -> int:
    """Gives a port that was free a moment ago, for servers that must be told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Floor:
    """A bare send() loop in C that makes its frames itself."""

    name = "floor"

    def missing(self) -> str | None:
        return None if shutil.which("cc") else "apt-get install gcc libc6-dev"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        command = [str(compiled("floor")), str(plan.payload_bytes), plan.content_type]
        child = ending.enter_context(Child(command, cores=place.cores, log=place.log))
        port = int(child.read_until(r"ready (\d+)", START_TIMEOUT_S)[1])
        return Running([child], port)


@dataclass(frozen=True)
class Partcast:
    """The streamer of this project, as installed beside this Python, on its defaults."""

    name: str = "partcast"
    stream_settings: str = ""  # TOML lines for the table of all streams
    executable: Path = Path(sys.executable).parent / "partcast-streamer"

    def missing(self) -> str | None:
        return None if self.executable.exists() else "make .venv/.ready"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        config = place.directory / "streamer.toml"
        config.write_text(f'[streams."*"]\n{self.stream_settings}\n')
        anywhere = "tcp://127.0.0.1:0"
        command = [str(self.executable), "--http", "127.0.0.1:0", "--config", str(config)]
        command += ["--bind-frames", anywhere, "--bind-events", anywhere]
        if plan.workers > 1:
            command += ["--workers", str(plan.workers)]
        child = ending.enter_context(Child(command, cores=place.cores, log=place.log))
        ready = child.read_until(r"ready: http \S+:(\d+)\S* frames (\S+)", START_TIMEOUT_S)
        return Running(
            [child], int(ready[1]), way_in=["zmq", ready[2]], health_path="/healthz"
        )


@dataclass(frozen=True)
class PythonPeer:
    """A peer of one Python module that takes frames over ZeroMQ and prints `ready PORT ADDRESS`."""

    name: str
    module: str
    needs: str | None = None  # package in the peers' environment; None runs on our own
    install: str = "python -m bench install"
    arguments: Callable[[Plan], list[str]] = lambda _plan: []
    path: str = "/streams/s%d"
    health_path: str | None = None

    def missing(self) -> str | None:
        return self.install if self.needs and not peer_has(self.needs) else None

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        python = str(PEERS_PYTHON if self.needs else sys.executable)
        command = [python, "-m", f"bench.peers.{self.module}", *self.arguments(plan)]
        child = ending.enter_context(
            Child(command, cores=place.cores, log=place.log, env=python_env())
        )
        ready = child.read_until(r"ready (\d+) (\S+)", START_TIMEOUT_S)
        return Running(
            [child],
            int(ready[1]),
            path=self.path,
            way_in=["zmq", ready[2]],
            health_path=self.health_path,
        )


class Nchan:
    """nginx with the Nchan module: raw streams of ready-made parts, published by HTTP POST."""

    name = "nchan"
    MODULES = Path("/usr/lib/nginx/modules")

    def missing(self) -> str | None:
        there = shutil.which("nginx") and (self.MODULES / "ngx_nchan_module.so").exists()
        return None if there else "apt-get install nginx libnginx-mod-nchan"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        port = free_port()
        config = place.directory / "nginx.conf"
        text = (ROOT / "bench" / "peers" / "nginx.conf").read_text()
        for key, value in {
            "modules": str(self.MODULES),
            "directory": str(place.directory),
            "port": str(port),
            "boundary": BOUNDARY,
        }.items():
            text = text.replace(f"@{key}@", value)
        config.write_text(text)
        command = ["nginx", "-p", str(place.directory), "-c", str(config)]
        child = ending.enter_context(Child(command, cores=place.cores, log=place.log))
        wait_for_port(port)
        way_in = ["http", f"http://127.0.0.1:{port}/publish"]
        return Running([child], port, way_in=way_in, health_path="/healthz")


class Pushpin:
    """Debian's Pushpin, its pacing off, with an origin that holds every request."""

    name = "pushpin"
    PORTS: ClassVar = ("http_port", "push_in_http_port")
    SPECS: ClassVar = ("push_in_spec", "push_in_sub_specs", "command_spec")

    def missing(self) -> str | None:
        return None if shutil.which("pushpin") else "apt-get install pushpin"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        origin = ending.enter_context(
            Child(
                [sys.executable, "-m", "bench.peers.pushpin_origin"],
                cores=place.cores,
                log=place.log,
                env=python_env(),
            )
        )
        origin_port = origin.read_until(r"ready (\d+)", START_TIMEOUT_S)[1]
        (place.directory / "routes").write_text(f"* 127.0.0.1:{origin_port}\n")
        settings = self._configure(place.directory)
        command = ["pushpin", f"--config={place.directory / 'pushpin.conf'}"]
        child = ending.enter_context(Child(command, cores=place.cores, log=place.log))
        port = int(settings["http_port"])
        wait_for_port(port)
        return Running([child, origin], port, way_in=["pushpin", settings["push_in_spec"]])

    def _configure(self, directory: Path) -> dict[str, str]:
        """Writes Debian's own configuration with paths and ports of this run."""
        settings = {key: str(free_port()) for key in self.PORTS}
        settings |= {key: f"tcp://127.0.0.1:{free_port()}" for key in self.SPECS}
        settings |= {
            "rundir": str(directory),
            "logdir": str(directory),
            "message_rate": "-1",  # the default paces 2,500 deliveries per second
            "message_hwm": "1000000",
        }
        lines = Path("/etc/pushpin/pushpin.conf").read_text().splitlines()
        for i, line in enumerate(lines):
            key = line.partition("=")[0]
            if key in settings:
                lines[i] = f"{key}={settings[key]}"
        (directory / "pushpin.conf").write_text("\n".join(lines) + "\n")
        return settings


def wait_for_port(port: int) -> None:
    """Waits until something listens there."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


SERVERS: dict[str, Server] = {
    server.name: server
    for server in (
        Floor(),
        Partcast(),
        Partcast("partcast-deep", stream_settings="client_buffer_bytes = 8388608"),
        Nchan(),
        PythonPeer("plain", "plain_tornado", health_path="/healthz"),
        Pushpin(),
        PythonPeer(
            "flask", "flask_generator", needs="flask", arguments=lambda plan: [plan.content_type]
        ),
        PythonPeer(
            "mjpeg-streamer",
            "mjpeg_streamer_server",
            needs="mjpeg_streamer",
            arguments=lambda plan: [str(round(plan.frames_per_s))],
            path="/s%d",
        ),
        PythonPeer(
            "vidgear",
            "vidgear_webgear",
            needs="vidgear",
            arguments=lambda plan: [plan.content_type],
            path="/video",
        ),
        PythonPeer("raw-pyzmq", "raw_pyzmq"),
    )
}
