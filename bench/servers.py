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
from typing import Protocol

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
        return Running([child], int(ready[1]), way_in=["zmq", ready[2]], health_path="/healthz")


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
    """Debian's Pushpin, its pacing off, with zurl and an origin that holds every request."""

    name = "pushpin"
    CONFIG = Path("/etc/pushpin/pushpin.conf")

    def missing(self) -> str | None:
        there = shutil.which("pushpin") and shutil.which("zurl")
        return None if there else "apt-get install pushpin zurl"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan

        def start(*command: str) -> Child:
            child = Child(command, cores=place.cores, log=place.log, env=python_env())
            return ending.enter_context(child)

        origin = start(sys.executable, "-m", "bench.peers.pushpin_origin")
        origin_port = origin.read_until(r"ready (\d+)", START_TIMEOUT_S)[1]
        (place.directory / "routes").write_text(f"* 127.0.0.1:{origin_port}\n")
        (place.directory / "zurl.conf").write_text(self._zurl_config(place.directory))
        zurl = start("zurl", f"--config={place.directory / 'zurl.conf'}")
        port, way_in = free_port(), f"tcp://127.0.0.1:{free_port()}"
        config = place.directory / "pushpin.conf"
        config.write_text(self._pushpin_config(place.directory, port, way_in))
        pushpin = start("pushpin", f"--config={config}")
        wait_for_port(port)
        return Running([pushpin, zurl, origin], port, way_in=["pushpin", way_in])

    def _zurl_config(self, directory: Path) -> str:
        ways = {
            "in_spec": "in",
            "in_stream_spec": "stream",
            "out_spec": "out",
            "in_req_spec": "req",
        }
        lines = [f"{key}=ipc://{directory}/zurl-{way}" for key, way in ways.items()]
        return "\n".join(("[General]", *lines, "defpolicy=allow", "max_open_requests=2000", ""))

    def _pushpin_config(self, directory: Path, port: int, way_in: str) -> str:
        """Gives Debian's own configuration with paths and ports of this run."""
        settings = {
            "rundir": str(directory),
            "logdir": str(directory),
            "http_port": f"127.0.0.1:{port}",  # a bare port would be open to all
            "push_in_spec": way_in,
            "push_in_sub_specs": f"tcp://127.0.0.1:{free_port()}",
            "push_in_http_port": str(free_port()),
            "command_spec": f"tcp://127.0.0.1:{free_port()}",
            "message_rate": "-1",  # the default paces 2,500 deliveries per second
            "message_hwm": "1000000",
        }
        lines = []
        for line in self.CONFIG.read_text().splitlines():
            key = line.partition("=")[0]
            lines.append(f"{key}={settings[key]}" if key in settings else line)
            if line == "[proxy]":
                lines.append(f"zurl_out_specs=ipc://{directory}/zurl-in")
                lines.append(f"zurl_out_stream_specs=ipc://{directory}/zurl-stream")
                lines.append(f"zurl_in_specs=ipc://{directory}/zurl-out")
        return "\n".join((*lines, ""))


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
