"""Who watches, over all nodes: a state machine without I/O.

Notices go in, events come out. Loss shows as a gap in a topic's `seq`, or as a heartbeat that
counts other clients than we know; a snapshot then puts things right, and the difference comes
out as events, so that who follows them ends with the truth: each client is opened once and
closed once. A node that says goodbye or misses its heartbeats takes its clients with it; one
that was only out of reach brings them back.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from producer.asking import Asking
from producer.node import Node, Watched
from producer.node_events import Goodbye, Heartbeat
from protocol import Event, Notice, Watcher, node_of, topic_of
from protocol import Goodbye as SaidGoodbye
from protocol import Heartbeat as SaidHeartbeat

# A node that was silent for so many of its intervals is gone.
MISSED_HEARTBEATS: Final = 3
# Time that passes at one look, seconds. A longer pause means that we were suspended ourselves,
# and says nothing about the nodes.
LONGEST_LOOK_S: Final = 1.0
# Nodes that have gone, remembered so that a message that comes late or twice revives none.
GONE_REMEMBERED: Final = 1024
# Up to so many times as long as another producer one waits before it asks without a reason:
# what one of them asks is answered to all.
MOST_PATIENCE: Final = 1.5


class Audience:
    """Everybody who watches, on every node.

    Args:
        chance: spreads the questions of many producers over time.

    """

    def __init__(self, chance: random.Random | None = None) -> None:
        chance = chance or random.Random()  # noqa: S311  no secret
        self._patience = chance.uniform(1.0, MOST_PATIENCE)
        self._asking = Asking(chance)
        self._nodes: dict[str, Node] = {}
        self._gone: OrderedDict[str, Node] = OrderedDict()
        self._passed_at: float | None = None

    # Questions.

    def connections(self, stream: str) -> int:
        """Returns how many clients watch a stream, over all nodes."""
        return sum(each.connections for each in self._watched(stream))

    def clients(self, stream: str) -> list[Watcher]:
        """Returns the clients of a stream, over all nodes, in the order they came to each."""
        return [client for each in self._watched(stream) for client in each.clients.values()]

    def find(self, client: str) -> Watcher | None:
        """Returns a client by its id; None where it has left or was never heard of."""
        node = self._nodes.get(node_of(client))
        if node is None:
            return None
        found = (each.clients.get(client) for each in node.streams.values())
        return next((each for each in found if each is not None), None)

    def knows(self, stream: str, node: str) -> bool:
        """Tells whether a node has said who watches a stream there."""
        watched = self._nodes[node].streams.get(stream) if node in self._nodes else None
        return watched is not None and watched.is_told

    def is_watched(self, stream: str) -> bool:
        """Tells whether a stream has clients, as far as is known or as a node counts them."""
        return any(each.clients or each.connections for each in self._watched(stream))

    @property
    def streams(self) -> list[str]:
        """The names of the streams that were watched on any node."""
        return list(dict.fromkeys(name for node in self._nodes.values() for name in node.streams))

    @property
    def nodes(self) -> list[str]:
        """The ids of the nodes that are alive."""
        return list(self._nodes)

    # What happens.

    def hear(self, notice: Notice, now: float) -> list[Event]:
        """Takes a notice in; returns what has happened, in order.

        Args:
            notice: as it came.
            now: seconds of a monotonic clock.

        """
        node = self._find_or_make(notice.node, now)
        missing = node.gap(topic_of(notice.node, notice.event), notice.seq)
        if missing is None or node.ended:
            return []
        self._gone.pop(notice.node, None)
        self._nodes[notice.node] = node
        node.heard_at = now
        match notice.event:
            case SaidGoodbye():
                node.ended = True
                return [*self._lose(notice.node), Goodbye(notice.node)]
            case SaidHeartbeat(interval, streams):
                node.beat(notice.event, now)
                return [Heartbeat(interval, streams, notice.node)]
            case event:
                return node.hear(event, now, missing=missing > 0)

    def part(self, name: str) -> None:
        """Takes in that a node takes no frames any more, and may be dead."""
        node = self._nodes.get(name)
        if node is not None:
            node.part()

    def forget(self, stream: str) -> None:
        """Forgets a stream that nobody watches, and of which nothing is heard any more."""
        for node in self._nodes.values():
            node.forget(stream)

    def pass_time(self, now: float) -> list[Event]:
        """Takes out the nodes that were silent for too long; returns what that means.

        To be called several times a second, after what has come was heard.
        """
        passed_at = now if self._passed_at is None else self._passed_at
        self._passed_at = now
        suspended_s = now - passed_at - LONGEST_LOOK_S
        if suspended_s > 0:
            for node in self._nodes.values():
                node.heard_at = min(now, node.heard_at + suspended_s)
        lost = [
            name
            for name, node in self._nodes.items()
            if now - node.heard_at > MISSED_HEARTBEATS * node.interval_s
        ]
        return [event for name in lost for event in self._lose(name)]

    def to_ask(self, followed: AbstractSet[str] | None, now: float) -> list[str]:
        """Returns the streams of which a snapshot is to be asked for now.

        A stream in doubt is named again until it is answered, at growing intervals.

        Args:
            followed: streams whose clients are of interest; None for all.
            now: seconds of a monotonic clock.

        """
        doubted: set[str] = set()
        for node in self._nodes.values():
            doubted |= node.doubted if followed is None else node.doubted & followed
        return self._asking.due(doubted, now)

    def _watched(self, stream: str) -> Iterator[Watched]:
        for node in self._nodes.values():
            if stream in node.streams:
                yield node.streams[stream]

    def _find_or_make(self, name: str, now: float) -> Node:
        node = self._nodes.get(name) or self._gone.get(name)
        return Node(now, self._patience) if node is None else node

    def _lose(self, name: str) -> list[Event]:
        node = self._nodes.pop(name)
        self._gone[name] = node
        if len(self._gone) > GONE_REMEMBERED:
            self._gone.popitem(last=False)
        return node.end()
