"""Events for those who follow them, over all nodes. No I/O."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from protocol import (
    ClosedConnection,
    Event,
    NewConnection,
    NoConnection,
    Snapshot,
    Watcher,
)

# Events kept for a follower that does not take them; the oldest are dropped first.
FOLLOWER_EVENTS: Final = 100_000

log = logging.getLogger("producer")


class Totals:
    """Turns what each node says into what is true of all of them together."""

    def __init__(self) -> None:
        self._clients: Counter[str] = Counter()

    def over_nodes(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yields the events with the connections of all nodes added up.

        That nobody is left is said when the last client of all nodes has gone. Snapshots are
        left out: what was new in them stands before them.
        """
        for event in events:
            match event:
                case NewConnection(stream):
                    self._clients[stream] += 1
                    yield replace(event, connections=self._clients[stream])
                case ClosedConnection(stream):
                    self._clients[stream] -= 1
                    yield replace(event, connections=self._clients[stream])
                    if not self._clients[stream]:
                        del self._clients[stream]
                        yield NoConnection(stream)
                case NoConnection() | Snapshot():
                    pass
                case _:
                    yield event


def opened(stream: str, clients: Iterable[Watcher]) -> Iterator[NewConnection]:
    """Says of clients that are there already that they have come, for who begins to follow."""
    for number, each in enumerate(clients, 1):
        yield NewConnection(stream, each.client, number, "", each.query, each.overload, each.window)


class Follower:
    """Takes events for somebody who reads them at leisure.

    Args:
        stream: whose events; None takes those of all streams, and of the nodes.

    """

    def __init__(self, stream: str | None) -> None:
        self.stream = stream
        self._events: deque[Event] = deque(maxlen=FOLLOWER_EVENTS)
        self._said_full = False

    def offer(self, event: Event) -> None:
        """Takes an event, if it is for this follower."""
        if self.stream is not None and getattr(event, "stream", None) != self.stream:
            return
        if len(self._events) == FOLLOWER_EVENTS and not self._said_full:
            self._said_full = True
            log.warning("nobody takes the events that are followed: the oldest are dropped")
        self._events.append(event)

    def next(self) -> Event | None:
        """Returns the oldest event that was not taken yet."""
        return self._events.popleft() if self._events else None


class Arrivals:
    """Takes the clients of a stream for somebody who serves them one by one.

    Args:
        stream: whose clients.

    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._waiting: OrderedDict[str, NewConnection] = OrderedDict()

    def offer(self, event: Event) -> None:
        """Takes an event: who has come waits to be served, who has left does so no more."""
        match event:
            case NewConnection() if event.stream == self.stream:
                self._waiting[event.client] = event
            case ClosedConnection():
                self._waiting.pop(event.client, None)
            case _:
                pass

    def next(self) -> NewConnection | None:
        """Returns the client that waits longest."""
        return self._waiting.popitem(last=False)[1] if self._waiting else None
