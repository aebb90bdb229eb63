"""A site that is served over HTTP: a real hub in the test's own event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tornado import web

from protocol import Message, StreamEvent
from streamer.configuration.settings import Settings
from streamer.fanout.hub import Hub
from streamer.fanout.streams import Bounds
from streamer.http.handlers import make_application
from streamer.http.site import Site
from streamer.metrics import NodeStatistics, own_usage
from tests.streamer.frames import TOKEN

# Generous: a busy machine is no broken promise.
PATIENCE_S = 20.0
T = TypeVar("T")
E = TypeVar("E")


async def eventually(look: Callable[[], T], what: str) -> T:
    """Returns the first true value that `look` returns; fails with `what` otherwise."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.002)


class Served:
    """A hub behind its HTTP side.

    Args:
        settings: the process's settings.
        loop: the event loop.

    Attributes:
        hub: who watches what.
        events: what was published, in order.
        ready: whether the node takes clients and frames.
        broken: whether the figures cannot be had.
        tasks: what the site has spawned.

    """

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.events: list[StreamEvent] = []
        self.ready = True
        self.broken = False
        self.tasks: set[asyncio.Task[None]] = set()
        self._loop = loop
        bounds = Bounds(settings.max_clients, settings.max_streams)
        self.hub = Hub("node", TOKEN, settings.of_stream, self.events.append, bounds)
        self.hub.streams.configure(settings.named_streams)
        self.site = Site(
            settings=settings,
            hub=self.hub,
            token=TOKEN,
            clock=time.monotonic,
            loop=loop,
            spawn=self._spawn,
            ready=lambda: self.ready,
            follow=lambda: None,
            statistics=self._statistics,
        )

    def application(self) -> web.Application:
        return make_application(self.site)

    def publish(self, *messages: Message) -> None:
        """Takes messages in, each carried to the clients before the next."""
        for each in messages:
            self.hub.accept(each, time.monotonic())
            self.settle()

    def settle(self) -> None:
        while self.hub.working:
            self.hub.work()

    def of(self, kind: type[E]) -> list[E]:
        """Returns the events of one kind."""
        return [each for each in self.events if isinstance(each, kind)]

    async def watched_by(self, number: int) -> None:
        """Waits until there are as many clients."""
        await eventually(lambda: self.hub.connections == number, f"{number} clients")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        task = self._loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _statistics(self) -> NodeStatistics:
        if self.broken:
            raise RuntimeError("no figures")
        return NodeStatistics(
            node="node",
            streams=self.hub.streams.statistics(time.monotonic()),
            max_clients=self.hub.max_clients,
            refused_clients=self.hub.refused_clients,
            received=0,
            received_bytes=0,
            refused={},
            undeliverable=self.hub.undeliverable,
            events=len(self.events),
            usage=own_usage(),
        )
