"""Streamer nodes that exist in memory only: what they know is the truth."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection

from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Notice,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
    event_type,
    topic_of,
)

KINDS = ("new_connection", "closed_connection", "no_connection")
WINDOW = 4


class TrueNode:
    """A node, and the messages of its that are still on their way.

    Args:
        name: its id.
        kinds: which kinds of connection events it publishes.
        interval_s: time between its heartbeats.
        now: when it starts.

    """

    def __init__(
        self,
        name: str,
        kinds: Collection[str] = KINDS,
        interval_s: float = 1.0,
        now: float = 0.0,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self.alive = True
        self.cut = False
        self.streams: dict[str, dict[str, int]] = {}
        self.wire: deque[Notice] = deque()
        self.heard: list[Notice] = []
        self.tells_all = set(kinds) == set(KINDS)
        self._kinds = kinds
        self._numbers: Counter[bytes] = Counter()
        self._clients = 0
        self._beats_at = now

    def join(self, stream: str) -> str:
        self._clients += 1
        client = f"{self.name}-{self._clients}"
        clients = self.streams.setdefault(stream, {})
        clients[client] = 0
        self._say(NewConnection(stream, client, len(clients), "peer", {}, Overload.QUEUE, WINDOW))
        return client

    def leave(self, stream: str, client: str) -> None:
        clients = self.streams[stream]
        parts = clients.pop(client)
        reason = CloseReason.CLIENT
        self._say(ClosedConnection(stream, client, len(clients), reason, 1.0, parts, 0, 0, 0))
        if not clients:
            self._say(NoConnection(stream))

    def deliver(self, stream: str, client: str) -> None:
        self.streams[stream][client] += 1
        self._say(Credit(stream, client, self.streams[stream][client]))

    def answer(self, stream: str) -> None:
        """Answers a subscription."""
        clients = self.streams.get(stream, {})
        watchers = tuple(
            Watcher(each, {}, Overload.QUEUE, WINDOW, delivered)
            for each, delivered in clients.items()
        )
        self._say(Snapshot(stream, len(clients), watchers))

    def beat(self) -> None:
        states = {
            name: StreamState(len(clients), Status.BLUE, 0, 0, 0)
            for name, clients in self.streams.items()
        }
        self._say(Heartbeat(self.interval_s, states))

    def beat_when_due(self, now: float) -> None:
        while self.alive and self._beats_at <= now:
            self._beats_at += self.interval_s
            self.beat()

    def end(self, *, goodbye: bool) -> None:
        if goodbye:
            self._say(Goodbye())
        self.alive = False
        self.streams = {}

    def notice(self, event: Event) -> Notice:
        """Returns an event as the node's next message; a number is used up even if it is lost."""
        topic = topic_of(self.name, event)
        self._numbers[topic] += 1
        return Notice(self.name, self._numbers[topic], 0, event)

    def _say(self, event: Event) -> None:
        if event_type(event) in KINDS and event_type(event) not in self._kinds:
            return
        notice = self.notice(event)
        if not self.cut:
            self.wire.append(notice)
