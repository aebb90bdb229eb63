"""How many parts may be under way to one node, and whose turn it is. No I/O.

A relay drops what does not fit into a node's pipe, whoever it is for. Parts travel to a node in
the order in which they were sent: one that was delivered tells that those before it have
arrived, also where their clients are slow and have yet to take them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import islice
from typing import Final

# Parts of one producer that may be under way to a node. A relay's pipe holds 256 messages
# (`frames_hwm`) and learns of room in steps of half of that: it is sure to take 128, which is
# the parts of three producers, though the node hangs.
NODE_WINDOW: Final = 40
# Where all that is under way is for clients that take nothing, nothing tells that it has
# arrived. One part more may find out, after this time, seconds.
PROBE_AFTER_S: Final = 0.5
# Who waits tries again several times a second. Who has not for this time waits no more, seconds.
GIVEN_UP_AFTER_S: Final = 1.0


class NodeWindow:
    """The parts of this producer that are under way to one node."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[int, str]] = deque()
        self._sent = 0
        self._moved_at = 0.0
        self._waiting: OrderedDict[str, float] = OrderedDict()  # in turn; when each tried last

    @property
    def rests(self) -> bool:
        """Whether nothing is under way and nobody waits."""
        return not self._under_way and not self._waiting

    def is_open(self, client: str, now: float, *, idle: bool) -> bool:
        """Tells whether one more part may be sent to a client; one that may not waits its turn.

        Args:
            client: the client's id.
            now: seconds of a monotonic clock.
            idle: whether nothing is under way to the client itself.

        """
        while self._waiting and now - next(iter(self._waiting.values())) >= GIVEN_UP_AFTER_S:
            self._waiting.popitem(last=False)
        if client in self.next() or self._room > len(self._waiting):
            return True
        # The part of a client that waits for others may not tell more than theirs do.
        probe_after_s = PROBE_AFTER_S if idle else 2 * PROBE_AFTER_S
        if not self._room and now - self._moved_at >= probe_after_s:
            return True
        self._waiting[client] = now
        return False

    def sent(self, client: str, now: float) -> int:
        """Counts a part sent to a client; returns its number on the way to the node."""
        if not self._under_way or not self._room:
            self._moved_at = now
        self._waiting.pop(client, None)
        self._sent += 1
        self._under_way.append((self._sent, client))
        return self._sent

    def arrived(self, number: int, now: float) -> None:
        """Takes in that the part of that number has arrived, and all before it."""
        self._moved_at = now
        while self._under_way and self._under_way[0][0] <= number:
            self._under_way.popleft()

    def forget(self, client: str) -> None:
        """Forgets the parts for a client, and that it waits."""
        self._waiting.pop(client, None)
        self._under_way = deque(each for each in self._under_way if each[1] != client)

    def forget_all(self) -> None:
        """Forgets all parts that are under way; the numbers go on, for those that were not lost."""
        self._under_way.clear()

    def next(self) -> list[str]:
        """Returns the clients whose turn it is: as many as there is room for."""
        return list(islice(self._waiting, self._room))

    @property
    def _room(self) -> int:
        return max(0, NODE_WINDOW - len(self._under_way))
