"""How many nodes and relays a workload needs, and what of each is used up first.

Formulas, one for each resource; README.md derives them.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.model.inputs import Inputs
from bench.model.workload import Workload

# A relay that feeds fewer is no use: the streams are then parted among several trees.
LEAST_FAN_OUT = 4

Shares = Mapping[str, float]


class TooMuchError(Exception):
    """No tree of such machines carries the workload; `str()` says why."""


def node_shares(inputs: Inputs, load: Workload, viewers: float) -> Shares:
    """Gives what a node with so many viewers uses of what it may, by resource; 1 is full."""
    link = inputs.node_link.value * inputs.link_use.value
    frames_in = load.streams_taken(viewers) * load.frames_per_s
    return {
        "link out": viewers * load.frames_per_s * load.part_bits / link,
        "link in": frames_in * load.frame_bits / link,
        "core": node_core(inputs, load, viewers) / inputs.core_use.value,
        "clients": viewers / inputs.max_clients.value,
    }


def node_core(inputs: Inputs, load: Workload, viewers: float) -> float:
    """Gives how much of its core a node uses: parts out, frames in, clients that come and go."""
    frames_in = load.streams_taken(viewers) * load.frames_per_s
    parts = viewers * load.frames_per_s * inputs.part_cpu.at(load.payload_bytes)
    frames = frames_in * inputs.intake_cpu.at(load.payload_bytes)
    clients = viewers / load.stay_s * inputs.client_cpu.value
    return inputs.idle_core.value + (parts + frames + clients) / 1e6


def relay_shares(inputs: Inputs, load: Workload, children: float, trees: int = 1) -> Shares:
    """Gives what a relay with so many children uses of what it may; each takes all frames."""
    frames = load.streams * load.frames_per_s / trees
    link = inputs.relay_link.value * inputs.link_use.value
    # What passes once is one frame in and one out: half for each.
    each_us = inputs.relay_cpu.at(load.payload_bytes) / 2
    return {
        "link out": frames * children * load.frame_bits / link,
        "core": frames * (1 + children) * each_us / 1e6 / inputs.core_use.value,
    }


def first(shares: Shares) -> tuple[str, float]:
    """Gives the resource that is used up first, and how far it is."""
    return max(shares.items(), key=lambda each: each[1])


def most_viewers(inputs: Inputs, load: Workload) -> int:
    """Gives how many viewers a node carries; raises TooMuchError where it is none."""
    low, high = 0, int(inputs.max_clients.value)
    while low < high:
        middle = (low + high + 1) // 2
        if first(node_shares(inputs, load, middle))[1] <= 1:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        what, share = first(node_shares(inputs, load, 1))
        raise TooMuchError(f"one viewer is too much for a node: {what} is used {share:.1f} times")
    return low


def most_children(inputs: Inputs, load: Workload, trees: int = 1) -> int:
    """Gives how many nodes or relays a relay feeds; 0 where it feeds none."""
    children = 1
    while first(relay_shares(inputs, load, children, trees))[1] <= 1:
        children += 1
    return children - 1


@dataclass(frozen=True)
class Tree:
    """What a workload is served with.

    Attributes:
        load: the workload.
        nodes: streamer nodes.
        viewers: of each node.
        relays: relays of each level of one tree, from the producers to the nodes; none where
            producers connect to the only node.
        fan_out: children of a relay at most.
        trees: how many of such trees there are side by side, each with its share of the streams.

    """

    load: Workload
    nodes: int
    viewers: float
    relays: tuple[int, ...]
    fan_out: int
    trees: int

    @property
    def all_relays(self) -> int:
        """How many relays there are."""
        return sum(self.relays) * self.trees

    @property
    def hops(self) -> int:
        """Over how many connections a part travels from its producer to its viewer."""
        return len(self.relays) + 2

    @property
    def children(self) -> float:
        """How many children the busiest relay has; 0 where there is none."""
        levels = [*self.relays, self.nodes]
        return max((low / high for high, low in itertools.pairwise(levels)), default=0)


def plan(inputs: Inputs, load: Workload) -> Tree:
    """Gives the smallest tree that carries a workload; raises TooMuchError."""
    viewers = most_viewers(inputs, load)
    nodes = math.ceil(load.viewers / viewers)
    if nodes == 1:
        return Tree(load, 1, load.viewers, (), 0, 1)
    trees, fan_out = _parted(inputs, load)
    relays = [math.ceil(nodes / fan_out)]
    while relays[0] > 1:
        relays.insert(0, math.ceil(relays[0] / fan_out))
    return Tree(load, nodes, load.viewers / nodes, tuple(relays), fan_out, trees)


def _parted(inputs: Inputs, load: Workload) -> tuple[int, int]:
    """Gives among how many trees the streams are parted, and the fan-out of each."""
    for trees in range(1, load.streams + 1):
        fan_out = most_children(inputs, load, trees)
        if fan_out >= LEAST_FAN_OUT:
            return trees, fan_out
    raise TooMuchError(f"a relay cannot feed {LEAST_FAN_OUT} others with a single stream")
