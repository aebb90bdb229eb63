"""What a producer counts while it sends: numbers and credit. No I/O."""

from __future__ import annotations

import math
import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from producer.node_window import NodeWindow
from protocol import Address, Credit, Overload, Watcher, node_of

# Topics whose numbers are remembered; a stop names the last one of its topic. Where one is
# forgotten its numbers begin anew, which costs an awaited stop its exactness and nothing else.
TOPICS_REMEMBERED: Final = 10_000
# Parts of which none was delivered for this time may have been lost on the way, say by a relay
# that ended, seconds. One part more finds out: its number tells the node of the gap before it. A
# client that takes nothing is closed sooner as a rule (`stall_timeout_s`, 30); where it is not,
# each further part waits twice as long, since it has to find room in the client's queue.
LOST_AFTER_S: Final = 60.0


def new_producer_id() -> str:
    """Returns an id that no other producer instance has."""
    return secrets.token_hex(6)


class Numbers:
    """Numbers what is sent: per topic from 1 on, +1 each."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, int] = OrderedDict()

    def next(self, address: Address) -> int:
        """Returns the number that the next frame to an address has."""
        return self._last.get(address.topic, 0) + 1

    def sent(self, address: Address) -> None:
        """Counts a frame that was sent: what is not sent leaves no gap."""
        topic = address.topic
        self._last[topic] = self._last.get(topic, 0) + 1
        self._last.move_to_end(topic)
        if len(self._last) > TOPICS_REMEMBERED:
            self._last.popitem(last=False)

    def last(self, address: Address) -> int | None:
        """Returns the number of the last frame sent to an address; None where there is none."""
        return self._last.get(address.topic)


@dataclass(slots=True)
class _Flow:
    """The parts for one client.

    Attributes:
        delivered: what its node has told.
        moved_at: when that last grew, or a part was sent that may find out.
        patience_s: how long it may then stand still until the next one finds out.
        told: whether any of ours was delivered, so that its node knows our numbers.
        under_way: numbers of its parts on the way to the node.

    """

    delivered: int
    moved_at: float
    patience_s: float = LOST_AFTER_S
    told: bool = False
    under_way: deque[int] = field(default_factory=deque)

    def doubts(self, now: float) -> bool:
        """Tells whether what is under way may have been lost."""
        return bool(self.under_way) and now - self.moved_at >= self.patience_s

    def doubt(self) -> None:
        """Has the next part find out what was lost of those that are under way."""
        self.moved_at, self.patience_s = -math.inf, LOST_AFTER_S

    def sent(self, number: int, now: float) -> None:
        """Counts a part that was sent."""
        if self.doubts(now):
            if not self.told:
                self.under_way.clear()  # to a node that has seen none of them there is no gap
            self.moved_at = now
            self.patience_s *= 2
        elif not self.under_way:
            self.moved_at = now
        self.under_way.append(number)


class Window:
    """How many parts may be under way to each client that is served without loss, and its node.

    A producer that keeps `sent - delivered < window` never overflows a client's queue. What is
    delivered of others, frames for all or those of a second producer, is not told apart from
    ours: it then never counts for more than what we have under way.
    """

    def __init__(self) -> None:
        self._flows: dict[str, _Flow] = {}
        self._nodes: dict[str, NodeWindow] = {}

    def is_open(self, client: Watcher, now: float) -> bool:
        """Tells whether one more part may be sent to a client; who waits for its node has a turn.

        Args:
            client: the client as it was heard of last.
            now: seconds of a monotonic clock.

        """
        name = client.client
        if client.overload is not Overload.QUEUE or client.window is None:
            return True
        flow = self._flows.setdefault(name, _Flow(client.delivered, now))
        self._credit(name, flow, client.delivered, now)
        if len(flow.under_way) >= client.window and not flow.doubts(now):
            return False
        return self._node(name).is_open(name, now, idle=not flow.under_way)

    def sent(self, client: str, now: float) -> None:
        """Counts a part sent to a client."""
        flow = self._flows.get(client)
        if flow is not None:
            flow.sent(self._node(client).sent(client, now), now)

    def credit(self, credit: Credit, now: float) -> Iterable[str]:
        """Takes a credit in; returns the clients of its node whose turn it is now."""
        client = credit.client
        if client not in self._flows:
            return ()
        self._credit(client, self._flows[client], credit.delivered, now)
        return self._node(client).next()

    def forget(self, client: str) -> Iterable[str]:
        """Forgets a client that has left; returns those of its node whose turn it is now."""
        self._flows.pop(client, None)
        name = node_of(client)
        node = self._nodes.get(name)
        if node is None:
            return ()
        node.forget(client)
        if node.rests and not any(node_of(each) == name for each in self._flows):
            del self._nodes[name]  # nobody knows its numbers any more
        return node.next()

    def forget_node(self, node: str) -> None:
        """Doubts what is under way to the clients of a node: the link has broken."""
        if node in self._nodes:
            self._nodes[node].forget_all()
        for client, flow in self._flows.items():
            if node_of(client) == node:
                flow.doubt()

    def _node(self, client: str) -> NodeWindow:
        return self._nodes.setdefault(node_of(client), NodeWindow())

    def _credit(self, client: str, flow: _Flow, delivered: int, now: float) -> None:
        newly = min(delivered - flow.delivered, len(flow.under_way))
        flow.told = flow.told or newly > 0
        if delivered > flow.delivered:
            flow.delivered = delivered
            flow.moved_at, flow.patience_s = now, LOST_AFTER_S
        for number in [flow.under_way.popleft() for _ in range(newly)][-1:]:
            self._node(client).arrived(number, now)
