"""Who has left, and who was never there. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from protocol import ClosedConnection, Event, NewConnection

# How long a client that nobody has told us of is looked for on all nodes, seconds: that is
# what they take to answer, twice.
SEARCH_S: Final = 2.0
# Clients that have left, remembered to say so at once.
CLIENTS_REMEMBERED: Final = 10_000


class ClientGone(Exception):  # noqa: N818  it is an end, and no error
    """There is nobody to send to: the client has left, or the producer was closed.

    Attributes:
        client: its id.

    """

    def __init__(self, client: str, why: str = "it has left") -> None:
        super().__init__(f"client {client} is out of reach: {why}")
        self.client = client


class Departures:
    """Remembers who has left, so that nobody is looked for in vain."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, None] = OrderedDict()

    def note(self, event: Event) -> None:
        """Takes in what has happened."""
        if isinstance(event, NewConnection):
            self._left.pop(event.client, None)
        elif isinstance(event, ClosedConnection):
            self._left[event.client] = None
            if len(self._left) > CLIENTS_REMEMBERED:
                self._left.popitem(last=False)

    def check(self, client: str, searched_s: float) -> None:
        """Raises ClientGone for a client that has left, or was looked for long enough.

        Args:
            client: the client's id.
            searched_s: how long it has been looked for on all nodes, seconds.

        """
        if client in self._left:
            raise ClientGone(client)
        if searched_s >= SEARCH_S:
            raise ClientGone(client, "no node has it")
