"""What a server under test is to the harness."""

import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.build import ROOT
from bench.process import Child

START_TIMEOUT_S = 20
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Plan:
    """What a server is to serve."""

    payload_bytes: int
    streams: int = 1
    content_type: str = OCTETS
    frames_per_s: float = 10  # for peers with a clock of their own
    timed_loop: bool = False  # run under bench.held, where it is Python on our own interpreter


@dataclass
class Running:
    """A server that is up.

    Attributes:
        children: the processes whose CPU time and memory are its own.
        port: where clients connect to; 0 where there are none.
        path: of a stream, with one %d for its number.
        tls: whether clients speak TLS.
        way_in: way and address for the publisher; empty where it makes the frames itself and
            takes their rate.
        way_out: ZeroMQ address where a relay passes frames on.
        events: ZeroMQ address of the events channel.
        health_path: a small request that its event loop answers.
        timed: the child that runs under bench.held, where the plan wants that.

    """

    children: list[Child]
    port: int
    path: str = "/streams/s%d"
    tls: bool = False
    way_in: list[str] = field(default_factory=list)
    way_out: str = ""
    events: str = ""
    health_path: str | None = None
    timed: Child | None = None

    @property
    def pids(self) -> list[int]:
        return [pid for child in self.children for pid in child.pids]


@dataclass(frozen=True)
class Place:
    """Where a server may run and write."""

    cores: Sequence[int]
    directory: Path

    def start(self, ending: ExitStack, command: Sequence[str], *, speaks: bool = True) -> Child:
        """Starts a command there, which says something to us or not; it is ended with `ending`."""
        log = self.directory / f"{Path(command[0]).name}.log"
        env = {"PYTHONPATH": str(ROOT)}
        child = Child(command, cores=self.cores, log=log, speaks=speaks, env=env)
        return ending.enter_context(child)


class Server(Protocol):
    """A server under test."""

    @property
    def name(self) -> str: ...

    @property
    def cores(self) -> int:
        """How many cores it is given."""

    def missing(self) -> str | None:
        """Says how to install it, when it isn't."""

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        """Starts it; what it starts is ended with `ending`."""


def free_port() -> int:
    """Gives a port that was free a moment ago, for servers that must be told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key."""

    chain: Path
    key: Path


def make_certificate(directory: Path) -> Certificate:
    """Makes a certificate for 127.0.0.1 on the spot."""
    made = Certificate(directory / "chain.pem", directory / "key.pem")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run(command, check=True, capture_output=True)
    return made
