"""A hub with viewers on sockets that the test holds, and everything it said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from protocol import (
    ClosedConnection,
    CloseReason,
    Message,
    StreamEvent,
)
from streamer.configuration.settings import Settings, StreamSettings
from streamer.fanout.client import Client
from streamer.fanout.hub import Hub
from streamer.fanout.stream import StreamStatistics
from streamer.fanout.streams import Bounds
from tests.streamer.frames import HEAD, TOKEN, frame
from tests.streamer.multipart import Body, read_body
from tests.streamer.outlet import FakeOutlet, FakeTogether

E = TypeVar("E")


class Watcher(FakeOutlet):
    """A viewer of a stream: its outlet, and the client behind it."""

    client: Client

    def __init__(self, node: Node, capacity: int | None, *, together: bool) -> None:
        super().__init__(capacity, node.together if together else None)
        self._node = node

    def end(self) -> None:
        super().end()
        self._node.gone(self)

    def abort(self) -> None:
        super().abort()
        self._node.gone(self)

    def leave(self) -> None:
        """Closes the connection, as a viewer does who has seen enough."""
        self.aborted = True
        self._node.gone(self)

    def read(self) -> None:
        """Reads until nothing comes any more."""
        self.drain(self.client)

    @property
    def id(self) -> str:
        return self.client.id

    @property
    def body(self) -> Body:
        return read_body(bytes(self.received).partition(b"\r\n\r\n")[2])

    @property
    def numbers(self) -> list[int]:
        return self.body.numbers

    @property
    def left(self) -> bool:
        return self.ended or self.aborted


class Node:
    """A hub, its clock, and the events it has published.

    Args:
        streams: settings of streams by pattern.
        max_clients: clients at the same time.
        max_streams: streams known since the start.
        allow: patterns of the stream names there may be.

    Attributes:
        now: the time, seconds; the test moves it.
        events: what was published, in order.
        watchers: everybody who has come, in order.
        on_event: takes each event as it is published.

    """

    def __init__(
        self,
        streams: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        max_clients: int = 10_000,
        max_streams: int = 100,
        allow: tuple[str, ...] = ("*",),
    ) -> None:
        self.now = 1000.0
        self.together = FakeTogether()
        self.watchers: list[Watcher] = []
        self.events: list[StreamEvent] = []
        self.on_event: Callable[[StreamEvent], None] = self.events.append
        tables = tuple((name, StreamSettings(**each)) for name, each in (streams or {}).items())
        settings = Settings(streams=tables, allow_streams=allow)
        self.hub = Hub(
            "node",
            TOKEN,
            settings.of_stream,
            self._note,
            Bounds(max_clients, max_streams),
        )

    def _note(self, event: StreamEvent) -> None:
        self.on_event(event)

    def join(
        self,
        stream: str = "cam1",
        capacity: int | None = None,
        *,
        peer: str = "",
        query: Mapping[str, str] | None = None,
        advance: bool = False,
        together: bool = True,
    ) -> Watcher:
        """Lets a viewer come: admitted, joined, its response begun, given the last frame."""
        self.hub.admit(stream)
        watcher = Watcher(self, capacity, together=together)
        self.watchers.append(watcher)
        watcher.client = self.hub.join(
            stream, watcher, peer=peer, query=query or {}, advance=advance, now=self.now
        )
        watcher.client.begin(HEAD)
        last = self.hub.streams.last(stream)
        if last is not None:
            watcher.client.offer(last)
        return watcher

    def gone(self, watcher: Watcher) -> None:
        self.hub.leave(watcher.client, CloseReason.CLIENT, self.now)

    def accept(self, *messages: Message) -> None:
        """Takes messages in, and carries nothing to the clients yet."""
        for each in messages:
            self.hub.accept(each, self.now)

    def settle(self) -> int:
        """Does all work; returns in how many slices."""
        slices = 0
        while self.hub.working:
            self.hub.work()
            slices += 1
        return slices

    def publish(self, *messages: Message) -> None:
        """Takes messages in, each carried to the clients before the next."""
        for each in messages:
            self.accept(each)
            self.settle()

    def wait(self, seconds: float) -> None:
        """Lets time pass, with a tick every tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.hub.upkeep.tick(self.now)
            self.settle()

    def of(self, kind: type[E]) -> list[E]:
        """Returns the events of one kind."""
        return [each for each in self.events if isinstance(each, kind)]

    def reasons(self) -> list[CloseReason]:
        return [each.reason for each in self.of(ClosedConnection)]

    def figures(self, stream: str = "cam1") -> StreamStatistics:
        return self.hub.streams.statistics(self.now)[stream]


def numbered(number: int, producer: str | None = "p1", *, size: int = 0) -> Message:
    """Returns a frame for all that has its number as `seq`."""
    return frame(number, size, seq=number, producer=producer)


def ended(*viewers: Watcher) -> bool:
    """Tells whether viewers were ended in good order."""
    return all(each.ended and each.body.closed for each in viewers)
