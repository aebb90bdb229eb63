"""What a producer counts while it sends: numbers and credit. No I/O."""

from __future__ import annotations

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
# Parts of which none was delivered for this time were lost on the way, say by a relay that
# ended, seconds: a client that takes nothing is closed sooner (`stall_timeout_s`, 30).
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
    """The parts for one client."""

    delivered: int
    moved_at: float
    under_way: deque[int] = field(default_factory=deque)  # their numbers on the way to the node


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
        if flow.under_way and now - flow.moved_at >= LOST_AFTER_S:
            flow.under_way.clear()
            self._node(name).forget(name)
        if len(flow.under_way) >= client.window:
            return False
        return self._node(name).is_open(name, now, idle=not flow.under_way)

    def sent(self, client: str, now: float) -> None:
        """Counts a part sent to a client."""
        flow = self._flows.get(client)
        if flow is not None:
            flow.moved_at = now if not flow.under_way else flow.moved_at
            flow.under_way.append(self._node(client).sent(client, now))

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
        node = self._nodes.get(node_of(client))
        if node is None:
            return ()
        node.forget(client)
        if node.rests:
            del self._nodes[node_of(client)]
        return node.next()

    def forget_node(self, node: str) -> None:
        """Takes what is under way to the clients of a node for lost: the link has broken."""
        self._nodes.pop(node, None)
        for client, flow in self._flows.items():
            if node_of(client) == node:
                flow.under_way.clear()

    def _node(self, client: str) -> NodeWindow:
        return self._nodes.setdefault(node_of(client), NodeWindow())

    def _credit(self, client: str, flow: _Flow, delivered: int, now: float) -> None:
        newly = min(delivered - flow.delivered, len(flow.under_way))
        if delivered > flow.delivered:
            flow.delivered = delivered
            flow.moved_at = now
        for number in [flow.under_way.popleft() for _ in range(newly)][-1:]:
            self._node(client).arrived(number, now)
