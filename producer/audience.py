"""Who watches, over all nodes: a state machine without I/O.

Notices go in, events come out. Loss shows as a gap in a topic's `seq`, or as a heartbeat that
counts other clients than we know; a snapshot then puts things right, and the difference comes
out as events, so that who follows them ends with the truth. A node that says goodbye or misses
its heartbeats takes its clients with it.
"""

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
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Notice,
    Snapshot,
    StreamEvent,
    Watcher,
    topic_of,
)

# A node that was silent for so many of its intervals is gone.
MISSED_HEARTBEATS: Final = 3
# Until a node has said its own interval, seconds.
DEFAULT_INTERVAL_S: Final = 1.0
# Ids of nodes that have gone, remembered so that a late message brings none of them back.
GONE_REMEMBERED: Final = 1024


@dataclass(slots=True)
class _Watched:
    """One stream on one node."""

    clients: dict[str, Watcher] = field(default_factory=dict)
    connections: int = 0


@dataclass(slots=True)
class _Node:
    """One streamer process, as far as we have heard."""

    heard_at: float
    interval_s: float = DEFAULT_INTERVAL_S
    numbers: dict[bytes, int] = field(default_factory=dict)
    streams: dict[str, _Watched] = field(default_factory=dict)


class Audience:
    """Everybody who watches, on every node.

    Attributes:
        doubted: streams whose clients we may have wrong: a snapshot of each is to be asked
            for. The caller takes them out when it has asked.

    """

    def __init__(self) -> None:
        self.doubted: set[str] = set()
        self._nodes: dict[str, _Node] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    # Questions.

    def connections(self, stream: str) -> int:
        """Returns how many clients watch a stream, over all nodes."""
        return sum(each.connections for each in self._watched(stream))

    def clients(self, stream: str) -> list[Watcher]:
        """Returns the clients of a stream, over all nodes, in the order they came to each."""
        return [client for each in self._watched(stream) for client in each.clients.values()]

    def find(self, client: str) -> Watcher | None:
        """Returns a client by its id; None where it has left or was never heard of."""
        node = self._nodes.get(client.rpartition("-")[0])
        if node is None:
            return None
        watched = (each.clients.get(client) for each in node.streams.values())
        return next((each for each in watched if each is not None), None)

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
        if notice.node in self._gone:
            return []
        node = self._nodes.setdefault(notice.node, _Node(now))
        node.heard_at = now
        if not self._is_news(node, notice):
            return []
        match notice.event:
            case Goodbye():
                return [*self._lose(notice.node), notice.event]
            case Heartbeat():
                self._compare(node, notice.event)
                return [notice.event]
            case Snapshot() as snapshot:
                return [*_replace(_of(node, snapshot.stream), snapshot), snapshot]
            case event:
                return self._apply(_of(node, event.stream), event)

    def pass_time(self, now: float) -> list[Event]:
        """Takes out the nodes that were silent for too long; returns what that means."""
        lost = [
            name
            for name, node in self._nodes.items()
            if now - node.heard_at > MISSED_HEARTBEATS * node.interval_s
        ]
        return [event for name in lost for event in self._lose(name)]

    def _watched(self, stream: str) -> Iterator[_Watched]:
        for node in self._nodes.values():
            if stream in node.streams:
                yield node.streams[stream]

    def _is_news(self, node: _Node, notice: Notice) -> bool:
        """Follows a topic's numbers; a gap puts its stream in doubt."""
        topic = topic_of(notice.node, notice.event)
        last = node.numbers.get(topic)
        if last is not None and notice.seq <= last:
            return False
        node.numbers[topic] = notice.seq
        gap = last is not None and notice.seq > last + 1
        if gap and not isinstance(notice.event, Heartbeat | Goodbye | Snapshot):
            self.doubted.add(notice.event.stream)
        return True

    def _apply(self, watched: _Watched, event: StreamEvent) -> list[Event]:
        before = list(_close(watched, event.stream)) if isinstance(event, NoConnection) else []
        match event:
            case NewConnection():
                known = event.client in watched.clients
                watched.clients[event.client] = Watcher(
                    event.client, event.query, event.overload, event.window, 0
                )
                watched.connections = event.connections
                self._doubt(watched, event.stream)
                return [] if known else [event]
            case ClosedConnection():
                known = watched.clients.pop(event.client, None) is not None
                watched.connections = event.connections
                self._doubt(watched, event.stream)
                return [event] if known else []
            case Credit():
                _credit(watched, event)
            case NoConnection():
                watched.connections = 0
            case Snapshot():
                pass
        return [*before, event]

    def _doubt(self, watched: _Watched, stream: str) -> None:
        if len(watched.clients) != watched.connections:
            self.doubted.add(stream)

    def _compare(self, node: _Node, heartbeat: Heartbeat) -> None:
        node.interval_s = heartbeat.interval
        for stream, state in heartbeat.streams.items():
            if state.connections or stream in node.streams:
                watched = _of(node, stream)
                watched.connections = state.connections
                self._doubt(watched, stream)

    def _lose(self, name: str) -> list[Event]:
        node = self._nodes.pop(name)
        self._gone[name] = None
        if len(self._gone) > GONE_REMEMBERED:
            self._gone.popitem(last=False)
        return [
            event
            for stream, watched in node.streams.items()
            if watched.clients
            for event in (*_close(watched, stream), NoConnection(stream))
        ]


def _of(node: _Node, stream: str) -> _Watched:
    return node.streams.setdefault(stream, _Watched())


def _credit(watched: _Watched, event: Credit) -> None:
    client = watched.clients.get(event.client)
    if client is not None:
        watched.clients[event.client] = Watcher(
            client.client, client.query, client.overload, client.window, event.delivered
        )


def _replace(watched: _Watched, snapshot: Snapshot) -> Iterator[Event]:
    """Puts a snapshot in the place of what was known; yields the difference."""
    present = {each.client: each for each in snapshot.clients}
    for client in [each for each in watched.clients if each not in present]:
        yield _lost(watched, snapshot.stream, client)
    for number, (client, watcher) in enumerate(present.items(), 1):
        if client not in watched.clients:
            yield NewConnection(
                snapshot.stream,
                client,
                number,
                "",
                watcher.query,
                watcher.overload,
                watcher.window,
            )
    watched.clients = present
    watched.connections = snapshot.connections


def _close(watched: _Watched, stream: str) -> Iterator[Event]:
    """Takes every client out; yields that each was lost."""
    for client in list(watched.clients):
        yield _lost(watched, stream, client)
    watched.connections = 0


def _lost(watched: _Watched, stream: str, client: str) -> ClosedConnection:
    """Takes one client out of which nobody says how it ended."""
    gone = watched.clients.pop(client)
    return ClosedConnection(
        stream,
        client,
        len(watched.clients),
        CloseReason.LOST,
        0.0,
        gone.delivered,
        0,
        0,
        0,
    )
