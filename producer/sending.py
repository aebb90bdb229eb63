"""What a producer counts while it sends: numbers and credit. No I/O."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from protocol import Address, Overload, Watcher, node_of

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
    under_way: int = 0


class Window:
    """How many parts may be under way to each client that is served without loss.

    A producer that keeps `sent - delivered < window` never overflows a client's queue. What is
    delivered of others, frames for all or those of a second producer, is not told apart from
    ours: it then never counts for more than what we have under way.
    """

    def __init__(self) -> None:
        self._flows: dict[str, _Flow] = {}

    def is_open(self, client: Watcher, now: float) -> bool:
        """Tells whether one more part may be sent to a client.

        Args:
            client: the client as it was heard of last.
            now: seconds of a monotonic clock.

        """
        if client.overload is not Overload.QUEUE or client.window is None:
            return True
        flow = self._flows.setdefault(client.client, _Flow(client.delivered, now))
        newly = client.delivered - flow.delivered
        if newly > 0:
            flow.under_way = max(0, flow.under_way - newly)
            flow.delivered = client.delivered
            flow.moved_at = now
        elif now - flow.moved_at >= LOST_AFTER_S:
            flow.under_way = 0
        return flow.under_way < client.window

    def sent(self, client: str, now: float) -> None:
        """Counts a part sent to a client."""
        flow = self._flows.get(client)
        if flow is not None:
            flow.moved_at = now if not flow.under_way else flow.moved_at
            flow.under_way += 1

    def forget(self, client: str) -> None:
        """Forgets a client that has left."""
        self._flows.pop(client, None)

    def forget_node(self, node: str) -> None:
        """Takes what is under way to the clients of a node for lost: the link has broken."""
        for client, flow in self._flows.items():
            if node_of(client) == node:
                flow.under_way = 0
