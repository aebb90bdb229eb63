"""What a producer counts while it sends: numbers and credit. No I/O."""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from typing import Final

from protocol import Address, Overload, Watcher

# Topics whose numbers are remembered; a stop names the last one of its topic.
TOPICS_REMEMBERED: Final = 10_000


def new_producer_id() -> str:
    """Returns an id that no other producer instance has."""
    return secrets.token_hex(6)


class Numbers:
    """Numbers frames: per topic from 1 on, +1 each."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, int] = OrderedDict()

    def next(self, address: Address) -> int:
        """Returns the number of the next frame to an address."""
        topic = address.topic
        number = self._last.get(topic, 0) + 1
        self._last[topic] = number
        self._last.move_to_end(topic)
        if len(self._last) > TOPICS_REMEMBERED:
            self._last.popitem(last=False)
        return number

    def last(self, address: Address) -> int | None:
        """Returns the number of the last frame to an address; None where there was none."""
        return self._last.get(address.topic)


class Window:
    """How many parts may be under way to each client that is served without loss.

    A producer that keeps `sent - delivered < window` never overflows a client's queue.
    """

    def __init__(self) -> None:
        self._sent: Counter[str] = Counter()
        self._before: dict[str, int] = {}

    def is_open(self, client: Watcher) -> bool:
        """Tells whether one more part may be sent to a client."""
        if client.overload is not Overload.QUEUE or client.window is None:
            return True
        # What was delivered before our first part was somebody else's.
        before = self._before.setdefault(client.client, client.delivered)
        return self._sent[client.client] - (client.delivered - before) < client.window

    def sent(self, client: str) -> None:
        """Counts a part sent to a client."""
        self._sent[client] += 1

    def forget(self, client: str) -> None:
        """Forgets a client that has left."""
        self._sent.pop(client, None)
        self._before.pop(client, None)
