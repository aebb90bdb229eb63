"""What follows the loss of a node, event by event, until the audience is right again.

A discrete-event simulation: viewers come back at moments of chance, nodes admit them one after
the other, events travel, the producer takes them one after the other; meanwhile it notices that
the lost node is silent.
"""

import heapq
import itertools
import random
import statistics
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial

from bench.model.inputs import Inputs
from bench.model.latency import latency_ms
from bench.model.tree import Tree, node_core

RUNS = 25
# What a node has left for newcomers at least, whatever the plan says: the system shares.
LEAST_SPARE = 0.05


@dataclass(frozen=True)
class Recovery:
    """When what was right again after the loss of a node.

    Attributes:
        missed_s: its clients were reported lost, seconds.
        served_s: the last of its viewers had its stream elsewhere, seconds.
        right_s: the producer's count was right, and stayed so, seconds.
        wrong_by: how far the count was off at worst, clients.

    """

    missed_s: float
    served_s: float
    right_s: float
    wrong_by: float


@dataclass(frozen=True)
class Pace:
    """How fast things go after the loss.

    Attributes:
        lost: clients of the lost node.
        others: nodes that are left.
        admit_s: what a node takes for each client that comes.
        way_s: how long an event travels.
        follow_s: what the producer takes for each event.

    """

    lost: int
    others: int
    admit_s: float
    way_s: float
    follow_s: float


def pace(inputs: Inputs, tree: Tree) -> Pace:
    """Gives how fast a deployment recovers, by what its nodes have left."""
    spare = max(1 - node_core(inputs, tree.load, tree.viewers), LEAST_SPARE)
    steps = latency_ms(inputs, tree, 0.5)
    between = ("between relays", "relay to node", "producer to the first")
    return Pace(
        lost=round(tree.viewers),
        others=max(tree.nodes - 1, 1),
        admit_s=inputs.client_cpu.value / 1e6 / spare,
        way_s=sum(steps.get(step, 0.0) for step in between) / 1e3,
        follow_s=inputs.event_cpu.value / 1e6,
    )


class Loss:
    """One run.

    Args:
        inputs: heartbeats and reconnects.
        pace: how fast things go.
        seed: of chance.

    """

    def __init__(self, inputs: Inputs, pace: Pace, seed: int) -> None:
        self._inputs = inputs
        self._pace = pace
        self._chance = random.Random(seed)
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._node_free_at = [0.0] * pace.others
        self._follower_free_at = 0.0
        self._counted, self._there = pace.lost, 0  # of the clients that were on the lost node
        self._missed_s = self._served_s = self._right_s = 0.0
        self._wrong_by = pace.lost

    def run(self) -> Recovery:
        """Lets everything happen in its order."""
        self._at(self._silent_until(), self._miss)
        for viewer in range(self._pace.lost):
            back_s = self._chance.uniform(0, self._inputs.reconnect.value)
            self._at(back_s, partial(self._admit, viewer % self._pace.others))
        while self._agenda:
            now, _, happen = heapq.heappop(self._agenda)
            happen(now)
        return Recovery(self._missed_s, self._served_s, self._right_s, self._wrong_by)

    def _at(self, moment: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (moment, next(self._order), happen))

    def _silent_until(self) -> float:
        """Gives when the producer misses the node, which had been silent for a while already."""
        interval_s = self._inputs.heartbeat.value
        silent_s = self._chance.uniform(0, interval_s)
        looked_s = self._chance.uniform(0, self._inputs.poll.value)
        return self._inputs.missed.value * interval_s - silent_s + looked_s + self._pace.way_s

    def _miss(self, now: float) -> None:
        self._missed_s = now
        self._counted -= self._pace.lost
        self._compare(now)

    def _admit(self, node: int, now: float) -> None:
        served = max(now, self._node_free_at[node]) + self._pace.admit_s
        self._node_free_at[node] = served
        self._at(served, self._serve)

    def _serve(self, now: float) -> None:
        self._there += 1
        self._served_s = now
        self._at(now + self._pace.way_s, self._hear)
        self._compare(now)

    def _hear(self, now: float) -> None:
        known = max(now, self._follower_free_at) + self._pace.follow_s
        self._follower_free_at = known
        self._at(known, self._count)

    def _count(self, now: float) -> None:
        self._counted += 1
        self._compare(now)

    def _compare(self, now: float) -> None:
        off = abs(self._counted - self._there)
        self._wrong_by = max(self._wrong_by, off)
        self._right_s = now if off else max(self._right_s, now)


def loss_of_a_node(inputs: Inputs, tree: Tree, runs: int = RUNS) -> Recovery:
    """Gives the median of several runs, each with other moments of chance."""
    seen = [Loss(inputs, pace(inputs, tree), seed).run() for seed in range(runs)]
    return Recovery(*(statistics.median(each) for each in zip(*map(astuple, seen), strict=True)))


def return_of_a_relay(inputs: Inputs, tree: Tree) -> float:
    """Gives when counts are right after a relay is back with all nodes behind it, seconds.

    Connections are made anew within `redial`; then every node answers with a snapshot.
    """
    watchers_s = tree.load.viewers * inputs.watcher_cpu.value / 1e6
    return inputs.redial.value + 2 * pace(inputs, tree).way_s + watchers_s
