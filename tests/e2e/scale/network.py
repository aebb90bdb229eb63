"""Hosts and networks of a test: Linux network namespaces, bridges and veth pairs.

Nothing of it is seen outside: the bridges too stand in a namespace of their own, so that no
address of this machine is taken and no packet leaves it. Every host has one interface for each
network that it is on, named as the network.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

# What the networks are called, and their addresses: `<prefix>.<number of the host>`.
NETWORKS: Final = {"back": "10.77.1", "front": "10.77.2"}
# The names of our namespaces say whose they are, so that those of a dead run can be removed.
_PREFIX: Final = "partcast"
_OURS: Final = re.compile(rf"{_PREFIX}-(\d+)-")
_CLONE_NEWNET: Final = 0x40000000
_counter = itertools.count()


def missing() -> str | None:
    """Returns what has to be done before there can be networks, or None."""
    if not shutil.which("ip") or not shutil.which("tc"):
        return "install iproute2 (apt-get install iproute2)"
    if os.geteuid() != 0:
        return "run as root, network namespaces need it"
    name = f"{_PREFIX}-{os.getpid()}-{next(_counter)}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if tried.returncode:
        return f"allow network namespaces here: {tried.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


@dataclass(frozen=True)
class Traffic:
    """What has passed an interface, bytes."""

    received: int
    sent: int


@dataclass(frozen=True)
class Host:
    """A machine of the test.

    Attributes:
        name: what it is called here.
        namespace: the name of its network namespace.
        addresses: its address on each network.

    """

    name: str
    namespace: str
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def back(self) -> str:
        return self.addresses["back"]

    @property
    def front(self) -> str:
        return self.addresses["front"]

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Makes sockets, threads and processes that this thread begins belong to the host."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self.enter()
            yield
        finally:
            _set_namespace(before)
            os.close(before)

    def enter(self) -> None:
        """Puts this thread on the host for good."""
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        try:
            _set_namespace(there)
        finally:
            os.close(there)

    def traffic(self, network: str) -> Traffic:
        """Returns what has passed the host's interface on a network, bytes."""
        with self.inside():
            lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
        counts = next(each.split() for each in lines if each.strip().startswith(f"{network}:"))
        return Traffic(received=int(counts[1]), sent=int(counts[9]))


class Network:
    """Hosts on bridges, as a context: what it makes, it removes."""

    def __init__(self) -> None:
        self._namespaces: list[str] = []
        self._ports: dict[tuple[str, str], str] = {}
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        _remove_leftovers()
        self._switch = self._namespace("switch")
        for network in NETWORKS:
            self._configure(
                self._switch, f"link add {network} type bridge", f"link set {network} up"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for namespace in self._namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False)

    def host(self, name: str, *networks: str) -> Host:
        """Adds a host on these networks."""
        namespace = self._namespace(name)
        self._configure(namespace, "link set lo up")
        number = next(self._numbers)
        host = Host(name, namespace, {each: f"{NETWORKS[each]}.{number}" for each in networks})
        for network, address in host.addresses.items():
            port = self._ports[namespace, network] = f"{network}{number}"
            self._configure(
                self._switch,
                f"link add {port} type veth peer name {network} netns {namespace}",
                f"link set {port} master {network} up",
            )
            self._configure(
                namespace, f"addr add {address}/24 dev {network}", f"link set {network} up"
            )
        return host

    def cut(self, host: Host, network: str) -> None:
        """Pulls the host's cable; nobody is told."""
        self._configure(self._switch, f"link set {self._ports[host.namespace, network]} down")

    def heal(self, host: Host, network: str) -> None:
        """Plugs it in again."""
        self._configure(self._switch, f"link set {self._ports[host.namespace, network]} up")

    def narrow(self, host: Host, network: str, *, megabits_per_s: float) -> None:
        """Lets no more than that through towards the host."""
        port = self._ports[host.namespace, network]
        shape = f"tbf rate {megabits_per_s}mbit burst 16kb latency 50ms"
        command = ["tc", "-n", self._switch, "qdisc", "add", "dev", port, "root", *shape.split()]
        subprocess.run(command, check=True)

    def _namespace(self, name: str) -> str:
        namespace = f"{_PREFIX}-{os.getpid()}-{next(_counter)}-{name}"
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        self._namespaces.append(namespace)
        return namespace

    def _configure(self, namespace: str, *lines: str) -> None:
        command = ["ip", "-n", namespace, "-batch", "-"]
        subprocess.run(command, input="\n".join(lines), text=True, check=True)


def _set_namespace(descriptor: int) -> None:
    # os.setns is newer than the oldest Python we support.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _remove_leftovers() -> None:
    """Removes the namespaces of runs that were killed before they could."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    for namespace in (line.split()[0] for line in listed.stdout.splitlines() if line):
        owner = _OURS.match(namespace)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            subprocess.run(["ip", "netns", "del", namespace], check=False)
