"""What stands on the hosts: two relays in a chain, streamer nodes, cameras, and who watches.

studio (producers) -- core relay -- edge relay -- node2, node3
                          `-- node1
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.e2e.processes import Command, Starter

from .network import Host, Network

# Short, so that what takes three of them is soon over, seconds.
HEARTBEAT_S: Final = 0.3
# What a busy machine may take on top of any promised time, seconds.
BUSY_S: Final = 1.5
# The page size in which the kernel counts a process's memory, bytes.
_PAGE: Final = 4096
_HTTP_PORT: Final = 8080
PORTS: Final = {
    "producer-frames": 5555,
    "producer-events": 5556,
    "streamer-frames": 5557,
    "streamer-events": 5558,
}
_PATIENCE_S: Final = 10.0
# How long a client may accept nothing, seconds; the default of half a minute would be long here.
STALL_S: Final = 1.5
# What may wait for a client of `slow`: less than a second of what its link carries, bytes.
SLOW_BUFFER_BYTES: Final = 65_536
# What may wait for a client of `every` beyond the kernel's buffers, bytes.
QUEUE_BYTES: Final = 200_000
_CONFIG: Final = f"""
[streams."clip*"]
overload = "queue"

[streams."every"]
overload = "queue"
client_buffer_bytes = {SLOW_BUFFER_BYTES}
queue_bytes = {QUEUE_BYTES}

[streams."slow"]
client_buffer_bytes = {SLOW_BUFFER_BYTES}

[streams."stuck"]
client_buffer_bytes = {SLOW_BUFFER_BYTES}
stall_timeout_s = {STALL_S}
"""


@dataclass
class Service:
    """A relay or a streamer node on its host."""

    host: Host
    command: Command
    module: str
    arguments: tuple[str, ...]

    @property
    def pid(self) -> int:
        return self.command.process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Where it serves HTTP: a node to the public, a relay to its neighbours."""
        return self.host.addresses.get("front", self.host.back), _HTTP_PORT

    @property
    def http(self) -> str:
        return "http://{}:{}".format(*self.address)

    def at(self, end: str) -> str:
        """Returns one of its ZeroMQ endpoints."""
        return f"tcp://{self.host.back}:{PORTS[end]}"

    def wait(self) -> Service:
        """Waits until it has said that it is ready."""
        assert self.command.process.stdout is not None
        said = self.command.process.stdout.readline()
        assert " ready: " in said, f"{self.host.name} is not ready: {self.command.said()}"
        return self

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE


@dataclass
class Deployment:
    """Everything that runs.

    Attributes:
        network: the cables.
        start: starts the processes.
        config: the nodes' file of settings.
        studio: where the producers are.
        public: where the viewers are.
        relays: the relay near the producers, and the one behind it.
        nodes: the streamer nodes, in the order they were added.

    """

    network: Network
    start: Starter
    config: Path
    studio: Host
    public: Host
    relays: list[Service] = field(default_factory=list)
    nodes: list[Service] = field(default_factory=list)

    @property
    def core(self) -> Service:
        return self.relays[0]

    @property
    def edge(self) -> Service:
        return self.relays[1]

    @property
    def frames(self) -> str:
        """Where producers publish."""
        return self._entrance.at("producer-frames")

    @property
    def events(self) -> str:
        """Where producers hear what happens."""
        return self._entrance.at("producer-events")

    @property
    def _entrance(self) -> Service:
        return self.relays[0] if self.relays else self.nodes[0]

    def add_relay(self, name: str, upstream: Service | None = None) -> Service:
        """Begins a relay, behind another where one is named; it is not ready yet."""
        host = self.network.host(name, "back")
        arguments = ["--bind", host.back, "--http", f"{host.back}:{_HTTP_PORT}"]
        if upstream is not None:
            for channel in ("frames", "events"):
                arguments += [f"--upstream-{channel}", upstream.at(f"streamer-{channel}")]
        relay = self._begin("streamer.relay", host, *arguments)
        self.relays.append(relay)
        return relay

    def add_node(self, relay: Service | None, *options: str) -> Service:
        """Begins a streamer node behind a relay; where there is none, producers connect to it."""
        host = self.network.host(f"node{len(self.nodes) + 1}", "back", "front")
        arguments = ["--http", f"{host.front}:{_HTTP_PORT}", "--config", str(self.config)]
        arguments += ["--heartbeat-interval-s", str(HEARTBEAT_S)]
        for channel in ("frames", "events"):
            if relay is None:
                port = PORTS[f"producer-{channel}"]
                arguments += [f"--bind-{channel}", f"tcp://{host.back}:{port}"]
            else:
                arguments += [f"--connect-{channel}", relay.at(f"streamer-{channel}")]
        node = self._begin("streamer", host, *arguments, *options)
        self.nodes.append(node)
        return node

    def restart(self, service: Service) -> None:
        """Starts a service that has ended once more, as it was."""
        with service.host.inside():
            service.command = self.start.run(service.module, *service.arguments)

    def get(self, service: Service, path: str) -> tuple[int, bytes]:
        """Asks as a viewer of a node, or a neighbour of a relay, would; returns status and body."""
        asker = self.public if "front" in service.host.addresses else self.studio
        with asker.inside():
            connection = http.client.HTTPConnection(*service.address, timeout=_PATIENCE_S)
            connection.request("GET", path)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            connection.close()
        return status, body

    def streams(self, node: Service) -> dict[str, Any]:
        """Returns what a node says of its streams."""
        return dict(json.loads(self.get(node, "/streams")[1])["streams"])

    def metric(self, service: Service, line: str) -> float:
        """Returns a figure of a service, by name and labels as they are printed."""
        lines = self.get(service, "/metrics")[1].decode().splitlines()
        return next(float(each.split()[-1]) for each in lines if each.startswith(f"{line} "))

    def _begin(self, module: str, host: Host, *arguments: str) -> Service:
        with host.inside():
            command = self.start.run(module, *arguments, ready=False)
        return Service(host, command, module, arguments)


@contextmanager
def empty(start: Starter, folder: Path) -> Iterator[Deployment]:
    """Makes the network with studio and public, and nothing between them yet."""
    config = folder / "streamer.toml"
    config.write_text(_CONFIG)
    with Network() as network:
        studio, public = network.host("studio", "back"), network.host("public", "front")
        yield Deployment(network, start, config, studio, public)
        start.end_all()


@contextmanager
def deployed(start: Starter, folder: Path, *options: str, nodes: int = 3) -> Iterator[Deployment]:
    """Starts both relays and the nodes: the first behind the core, the others behind the edge."""
    with empty(start, folder) as deployment:
        core = deployment.add_relay("core")
        edge = deployment.add_relay("edge", upstream=core)
        for number in range(nodes):
            deployment.add_node(edge if number else core, *options)
        # All begin at the same time, which is what the start of a test costs.
        for each in (*deployment.relays, *deployment.nodes):
            each.wait()
        yield deployment
