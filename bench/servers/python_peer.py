"""Peers that are one Python module under bench/peers/."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from bench.build import INSTALL_PEERS, PEERS_PYTHON, peer_has
from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running


@dataclass(frozen=True)
class PythonPeer:
    """A module that takes frames over ZeroMQ and prints `ready PORT IN [OUT]`.

    Attributes:
        name: what the report calls it.
        module: under bench/peers/.
        needs: package in the peers' environment; None runs it on our own.
        arguments: what it is told of the plan.
        path: of a stream, with a %d for its number where it has several.
        health_path: a small request that its event loop answers.

    """

    name: str
    module: str
    needs: str | None = None
    arguments: Callable[[Plan], list[str]] = lambda _plan: []
    path: str = "/streams/s%d"
    health_path: str | None = None
    cores: int = 1

    def missing(self) -> str | None:
        return INSTALL_PEERS if self.needs and not peer_has(self.needs) else None

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        timed = plan.timed_loop and not self.needs
        python = str(PEERS_PYTHON if self.needs else sys.executable)
        under = ["bench.held"] if timed else []
        command = [python, "-m", *under, f"bench.peers.{self.module}", *self.arguments(plan)]
        child = place.start(ending, command)
        port, way_in, *out = child.read_until(r"ready (\d+ \S+.*)", START_TIMEOUT_S)[1].split()
        return Running(
            [child],
            int(port),
            path=self.path,
            way_in=["zmq", way_in],
            way_out=out[0] if out else "",
            health_path=self.health_path,
            timed=child if timed else None,
        )
