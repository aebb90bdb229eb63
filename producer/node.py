"""One node, as far as it has been heard: who watches there, and how sure that is. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Heartbeat,
    NewConnection,
    NoConnection,
    Snapshot,
    StreamEvent,
    Watcher,
    event_topic,
)

# Until a node has told its interval, seconds: it may be a long one, and to take a node for dead
# that lives is worse than to notice a death late.
UNKNOWN_INTERVAL_S: Final = 20.0
# The same where its connection has ended: then it is dead most likely. It is the default.
PARTED_INTERVAL_S: Final = 1.0
# The longest interval that is believed, seconds: a streamer takes none beyond it.
MAX_INTERVAL_S: Final = 3600.0
# How long what we know of a watched stream is trusted, seconds. Two lost events, one client less
# and one more, leave no trace: no gap, and the same count.
PROVEN_FOR_S: Final = 60.0
# The same where the node does not tell all who come and go (`events` in its settings).
PROVEN_FOR_IF_SILENT_S: Final = 5.0
# Topics of a node whose numbers are remembered, as many as it remembers itself: its viewers may
# make up streams without end.
TOPICS_REMEMBERED: Final = 100_000


@dataclass(slots=True)
class Watched:
    """One stream on one node.

    Attributes:
        clients: who watches, by id, in the order they came.
        connections: how many watch, as the node said last.
        proven_at: when a snapshot last said who watches, seconds.
        unbroken: whether every message since then has come.
        silent: whether the node was found not to tell all who come and go.

    """

    clients: dict[str, Watcher] = field(default_factory=dict)
    connections: int = 0
    proven_at: float = 0.0
    unbroken: bool = False
    silent: bool = False

    @property
    def is_told(self) -> bool:
        """Whether a snapshot has said who watches."""
        return self.proven_at > 0

    @property
    def agrees(self) -> bool:
        """Whether we know as many clients as the node has."""
        return len(self.clients) == self.connections

    def is_stale(self, now: float, patience: float) -> bool:
        """Tells whether it is time for a snapshot, though nothing speaks against what we know."""
        trusted_s = PROVEN_FOR_IF_SILENT_S if self.silent else PROVEN_FOR_S
        return bool(self.clients) and now - self.proven_at >= trusted_s * patience

    def close(self, stream: str, client: str) -> ClosedConnection:
        """Takes a client out of which nobody says how it ended."""
        gone = self.clients.pop(client)
        left = len(self.clients)
        reason = CloseReason.LOST
        return ClosedConnection(stream, client, left, reason, 0.0, gone.delivered, 0, 0, 0)

    def close_all(self, stream: str) -> Iterator[Event]:
        """Takes every client out."""
        for client in list(self.clients):
            yield self.close(stream, client)
        self.connections = 0


class Node:
    """One streamer process.

    Args:
        now: seconds of a monotonic clock.
        patience: how many times as long as others we wait before we ask without a reason.

    Attributes:
        heard_at: when it was last heard, seconds.
        interval_s: time between its heartbeats.
        ended: whether it has said goodbye.
        streams: what is watched there, by name.
        doubted: streams whose clients we may have wrong, until a snapshot comes.

    """

    def __init__(self, now: float, patience: float = 1.0) -> None:
        self.heard_at = now
        self.interval_s = UNKNOWN_INTERVAL_S
        self.ended = False
        self.streams: dict[str, Watched] = {}
        self.doubted: set[str] = set()
        self._patience = patience
        self._numbers: OrderedDict[bytes, int] = OrderedDict()

    def gap(self, topic: bytes, seq: int) -> int | None:
        """Takes the number of a message; returns how many before it are missing.

        None is for a message that is old: it came twice, or was overtaken.
        """
        last = self._numbers.get(topic)
        if last is not None and seq <= last:
            return None
        self._numbers[topic] = seq
        self._numbers.move_to_end(topic)
        if len(self._numbers) > TOPICS_REMEMBERED:
            self._numbers.popitem(last=False)
        return 0 if last is None else seq - last - 1

    def beat(self, heartbeat: Heartbeat, now: float) -> None:
        """Takes a heartbeat in: the node counts its clients."""
        self.interval_s = min(heartbeat.interval, MAX_INTERVAL_S)
        for name, state in heartbeat.streams.items():
            if state.connections or name in self.streams:
                self._of(name).connections = state.connections
        for name, watched in list(self.streams.items()):
            if name not in heartbeat.streams:
                watched.connections = 0
                if not watched.clients:  # the node has forgotten it: a viewer may have made it up
                    del self.streams[name]
                    self.doubted.discard(name)
                    continue
            if not watched.agrees or watched.is_stale(now, self._patience):
                self.doubted.add(name)

    def part(self) -> None:
        """Takes in that the node takes no frames any more, and may be dead."""
        if self.interval_s == UNKNOWN_INTERVAL_S:
            self.interval_s = PARTED_INTERVAL_S

    def hear(self, event: StreamEvent, now: float, *, missing: bool) -> list[Event]:
        """Takes in what happened on a stream; returns what that is to us, in order.

        Args:
            event: what happened.
            now: seconds of a monotonic clock.
            missing: whether messages before it are missing.

        """
        watched = self._of(event.stream)
        if missing:
            watched.unbroken = False
            self.doubted.add(event.stream)
        if isinstance(event, Snapshot):
            self.doubted.discard(event.stream)
            return [*_replace(watched, event, now), event]
        happened = list(_apply(watched, event))
        if not watched.agrees:
            self.doubted.add(event.stream)
        return happened

    def forget(self, stream: str) -> None:
        """Forgets a stream that nobody watches, and the number of its last message."""
        self.streams.pop(stream, None)
        self.doubted.discard(stream)
        self._numbers.pop(event_topic(stream), None)

    def end(self) -> list[Event]:
        """Takes out everybody; returns what that means."""
        closed: list[Event] = []
        for name, watched in self.streams.items():
            if watched.clients:
                closed += [*watched.close_all(name), NoConnection(name)]
        self.streams = {}
        return closed

    def _of(self, stream: str) -> Watched:
        return self.streams.setdefault(stream, Watched())


def _apply(watched: Watched, event: StreamEvent) -> Iterator[Event]:
    """Changes what is known by an event; yields what is news."""
    match event:
        case NewConnection():
            known = event.client in watched.clients
            watched.clients[event.client] = Watcher(
                event.client, event.query, event.overload, event.window, 0
            )
            watched.connections = event.connections
            if not known:
                yield event
        case ClosedConnection():
            known = watched.clients.pop(event.client, None) is not None
            watched.connections = event.connections
            if known:
                yield event
        case NoConnection():
            yield from watched.close_all(event.stream)
            yield event
        case Credit():
            _credit(watched, event)
            yield event


def _credit(watched: Watched, event: Credit) -> None:
    client = watched.clients.get(event.client)
    if client is not None:
        watched.clients[event.client] = Watcher(
            client.client, client.query, client.overload, client.window, event.delivered
        )


def _replace(watched: Watched, snapshot: Snapshot, now: float) -> Iterator[Event]:
    """Puts a snapshot in the place of what was known; yields the difference."""
    present = {each.client: each for each in snapshot.clients}
    if watched.unbroken and watched.clients.keys() != present.keys():
        watched.silent = True
    for client in [each for each in watched.clients if each not in present]:
        yield watched.close(snapshot.stream, client)
    for client, each in present.items():
        if client not in watched.clients:
            watched.clients[client] = each
            yield _opened(snapshot.stream, each, len(watched.clients))
    watched.clients = present
    watched.connections = snapshot.connections
    watched.proven_at = now
    watched.unbroken = True


def _opened(stream: str, client: Watcher, connections: int) -> NewConnection:
    """Says that a client has come, which nobody else said; its peer is not known then."""
    return NewConnection(
        stream, client.client, connections, "", client.query, client.overload, client.window
    )
