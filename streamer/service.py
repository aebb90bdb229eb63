"""Starts and ends a streamer: who is begun after whom, and who is ended before whom."""

from __future__ import annotations

import asyncio
import logging
import resource
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq

from protocol import CloseReason
from streamer.channels.feed import Feed
from streamer.channels.notifier import Notifier
from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.fanout.hub import Hub
from streamer.fanout.part import new_token
from streamer.fanout.streams import Bounds
from streamer.http.handlers import make_application
from streamer.http.listening import Server, most_clients
from streamer.http.port import open_port, tls_context, url_of
from streamer.http.site import Site
from streamer.metrics import NodeStatistics, own_usage
from streamer.siblings import Siblings

NODE_ID_CHARS: Final = 8
# Repeats, awaited stops and colours are this exact, seconds.
TICK_S: Final = 0.1
# How often clients that accept nothing are looked for, seconds.
SWEEP_S: Final = 1.0
# How long clients may take to be ended in good order, seconds; the rest is cut off.
FINISH_S: Final = 3.0
# Time a client has to send its request, and to use a kept connection again, seconds.
IDLE_REQUEST_S: Final = 60.0
# What is read of a request at once, bytes: most are smaller, and thousands may come together.
REQUEST_CHUNK_BYTES: Final = 4096
# No request here has a body; one that is sent all the same is read past.
MAX_BODY_BYTES: Final = 64 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a service really listens.

    Attributes:
        http: URL of the HTTP side.
        frames: endpoints of the frames channel.
        events: endpoints of the events channel.

    """

    http: str
    frames: list[str]
    events: list[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a streamer process stands among others.

    Attributes:
        reuse_port: whether the HTTP port is shared with other workers.
        folder: where the workers of one service meet; None for one that is alone.
        token: the boundary that all of them use; empty for one of its own.

    """

    reuse_port: bool = False
    folder: Path | None = None
    token: str = ""


ALONE: Final = Place()


def new_node_id() -> str:
    """Returns an id that no other start of a streamer has."""
    alphabet = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(NODE_ID_CHARS))


async def run(
    settings: Settings,
    shutdown: asyncio.Event,
    announce: Callable[[Addresses], None],
    place: Place = ALONE,
) -> None:
    """Serves until `shutdown` is set, then ends every client in good order.

    Args:
        settings: everything that can be set.
        shutdown: set by whoever wants the service to end.
        announce: called once with the addresses, when the service is ready.
        place: where the process stands among other workers.

    Raises:
        StartError: where an address cannot be had, or a certificate cannot be read.

    """
    async with asyncio.TaskGroup() as tasks:
        service = Service(settings, tasks, place)
        try:
            await service.start()
            announce(service.addresses)
            await shutdown.wait()
            await service.drain()
        finally:
            await service.stop()


class Service:
    """A streamer with everything it holds open.

    Args:
        settings: everything that can be set.
        tasks: owns the tasks of busy clients and of the timers.
        place: where the process stands among other workers.

    """

    def __init__(self, settings: Settings, tasks: asyncio.TaskGroup, place: Place) -> None:
        self._settings = settings
        self._place = place
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._node = new_node_id()
        self._ready = False
        self._timers: list[asyncio.Task[None]] = []
        self._http: Server | None = None
        self._tls = tls_context(settings)
        self._sockets = open_port(settings, reuse=place.reuse_port)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._open_channels()
        except zmq.ZMQError as error:
            self._context.destroy(0)
            for each in self._sockets:
                each.close()
            raise StartError(str(error)) from error
        self._siblings = (
            None if place.folder is None else Siblings(place.folder, self._node, self._own)
        )

    def _open_channels(self) -> None:
        context, settings = self._context, self._settings
        self._notifier = Notifier(context, settings, self._node, self._loop)
        self._hub = self._make_hub()
        self._feed = Feed(context, settings, self._node, self._hub, time.monotonic, self._loop)

    def _make_hub(self) -> Hub:
        settings = self._settings
        max_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        bounds = Bounds(most_clients(settings.max_clients, max_files), settings.max_streams)
        token = self._place.token or new_token()
        hub = Hub(self._node, token, settings.of_stream, self._notifier.notify, bounds)
        hub.streams.configure(settings.named_streams)
        return hub

    @property
    def addresses(self) -> Addresses:
        """Where the service really listens."""
        url = url_of(self._sockets[0], tls=self._tls is not None)
        return Addresses(url, self._feed.endpoints, self._notifier.endpoints)

    async def start(self) -> None:
        """Opens everything; returns when clients and frames are taken."""
        self._notifier.start(self._hub)
        self._feed.start()
        self._timers = [
            self._tasks.create_task(self._every(TICK_S, self._tick)),
            self._tasks.create_task(self._every(SWEEP_S, self._sweep)),
            self._tasks.create_task(self._every(self._settings.heartbeat_interval_s, self._beat)),
        ]
        # A subscription leaves only when its socket is polled: not before are we ready.
        await self._feed.polled.wait()
        if self._siblings is not None:
            await self._siblings.start()
        self._http = Server(
            make_application(self._site()),
            ssl_options=self._tls,
            xheaders=self._settings.trust_proxy,
            idle_connection_timeout=IDLE_REQUEST_S,
            body_timeout=IDLE_REQUEST_S,
            max_body_size=MAX_BODY_BYTES,
            chunk_size=REQUEST_CHUNK_BYTES,
        )
        self._http.add_sockets(self._sockets)
        self._ready = True
        log.info("started node=%s http=%s", self._node, self.addresses.http)

    async def drain(self) -> None:
        """Goes on serving for `drain_s`, not ready, and ends clients over `spread_s`."""
        self._ready = False
        settings = self._settings
        if settings.drain_s > 0:
            log.info("draining seconds=%g clients=%d", settings.drain_s, self._hub.connections)
            await asyncio.sleep(settings.drain_s)
        # Those that come now are to go elsewhere: they would only be ended again.
        self._hub.close()
        steps = int(settings.spread_s / TICK_S)
        for left in range(steps, 0, -1):
            if not self._hub.connections:
                break
            self._hub.finish_some(self._hub.connections // left, CloseReason.SHUTDOWN)
            self._feed.wake()
            await asyncio.sleep(TICK_S)

    async def stop(self) -> None:
        """Ends every client in good order, says goodbye, and closes everything."""
        self._ready = False
        if self._http is not None:
            self._http.stop()
        self._hub.finish_all(CloseReason.SHUTDOWN)
        self._feed.wake()
        deadline = time.monotonic() + FINISH_S
        # The hub knows no event loop that could wake us.
        while self._hub.connections and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(TICK_S / 10)
        self._hub.abort_all(CloseReason.SHUTDOWN)
        for timer in self._timers:
            timer.cancel()
        if self._http is not None:
            await self._http.close_all_connections()
        if self._siblings is not None:
            await self._siblings.stop()
        self._feed.close()
        self._notifier.close()
        await asyncio.to_thread(self._context.term)
        log.info("ended node=%s", self._node)

    def _site(self) -> Site:
        return Site(
            settings=self._settings,
            hub=self._hub,
            token=self._hub.token,
            clock=time.monotonic,
            loop=self._loop,
            spawn=self._tasks.create_task,
            ready=lambda: self._ready,
            statistics=self._statistics,
            follow=self._feed.follow,
        )

    async def _statistics(self) -> NodeStatistics:
        return self._own() if self._siblings is None else await self._siblings.statistics()

    def _own(self) -> NodeStatistics:
        return NodeStatistics(
            node=self._node,
            streams=self._hub.streams.statistics(time.monotonic()),
            max_clients=self._hub.max_clients,
            refused_clients=self._hub.refused_clients,
            received=self._feed.received,
            received_bytes=self._feed.received_bytes,
            refused={reason.value: n for reason, n in self._feed.refused.items()},
            undeliverable=self._hub.undeliverable,
            events=self._notifier.published,
            usage=own_usage(),
        )

    async def _every(self, interval_s: float, do: Callable[[float], None]) -> None:
        """Does something at once and then at every interval."""
        while True:
            do(time.monotonic())
            await asyncio.sleep(interval_s)

    def _tick(self, now: float) -> None:
        self._hub.upkeep.tick(now)
        self._feed.follow()
        if self._hub.working:
            self._feed.wake()

    def _sweep(self, now: float) -> None:
        self._hub.upkeep.sweep(now)
        self._feed.wake()

    def _beat(self, now: float) -> None:
        self._notifier.heartbeat(now)
