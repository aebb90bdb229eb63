"""Starts and ends a relay: two proxies, and the HTTP side that speaks of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import zmq
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from protocol import Refusal
from streamer.channels.monitor import Monitor
from streamer.channels.notifier import EVENTS_HWM
from streamer.channels.refusals import RefusalLog, hard_limit
from streamer.configuration.checks import split_host_port
from streamer.errors import StartError
from streamer.http.request_log import RequestLog
from streamer.metrics import CONTENT_TYPE
from streamer.relay.proxy import Ends, Proxy, Traffic
from streamer.relay.settings import RelaySettings

CHANNELS: Final = ("frames", "events")
# How often it is looked whether the proxies still run, seconds.
WATCH_S: Final = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RelayAddresses:
    """Where a relay really listens; `http` is empty where it serves none."""

    producer_frames: str
    producer_events: str
    streamer_frames: str
    streamer_events: str
    http: str


async def run(
    settings: RelaySettings, shutdown: asyncio.Event, announce: Callable[[RelayAddresses], None]
) -> None:
    """Relays until `shutdown` is set.

    Raises:
        StartError: where an address cannot be had, or a proxy ended by itself.

    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        relay = Relay(context, settings, asyncio.get_running_loop())
    except zmq.ZMQError as error:
        context.destroy(0)
        raise StartError(str(error)) from error
    try:
        http = relay.start()
        announce(relay.addresses(http))
        while not shutdown.is_set():
            if not relay.alive:
                raise StartError("a proxy has ended by itself")
            try:
                async with asyncio.timeout(WATCH_S):
                    await shutdown.wait()
            except TimeoutError:
                continue
    finally:
        await relay.stop()
        await asyncio.to_thread(context.term)
    log.info("ended")


class Relay:
    """Both channels, or those that are asked for.

    Args:
        context: the process's ZeroMQ context.
        settings: endpoints and limits.
        loop: the event loop; tells of connections that were cut.
        channels: those that are relayed, "frames" and "events"; nothing of others is opened.

    Raises:
        zmq.ZMQError: where an endpoint cannot be had.

    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: RelaySettings,
        loop: asyncio.AbstractEventLoop,
        channels: Collection[str] = CHANNELS,
    ) -> None:
        self._settings = settings
        self._server: HTTPServer | None = None
        self._refusals = RefusalLog(time.monotonic, settings.max_frame_bytes)
        self._monitor = Monitor(loop, self._refusals.refuse_peer)
        self._proxies: dict[str, Proxy] = {}
        try:
            if "frames" in channels:
                self._proxies["frames"] = self._frames(context)
            if "events" in channels:
                self._proxies["events"] = self._events(context)
        except zmq.ZMQError:
            self._monitor.close()
            for each in self._proxies.values():
                each.stop()
            raise

    def _frames(self, context: zmq.Context[zmq.Socket[bytes]]) -> Proxy:
        settings = self._settings
        return Proxy(
            context,
            "frames",
            Ends(
                publishers=settings.producer_frames,
                publishers_at=settings.upstream_frames,
                subscribers=settings.streamer_frames,
            ),
            hwm=settings.frames_hwm,
            max_bytes=hard_limit(settings.max_frame_bytes),
            verbose=False,
            monitor=self._monitor,
        )

    def _events(self, context: zmq.Context[zmq.Socket[bytes]]) -> Proxy:
        settings = self._settings
        return Proxy(
            context,
            "events",
            Ends(
                publishers=settings.streamer_events,
                subscribers=settings.producer_events,
                subscribers_at=settings.upstream_events,
            ),
            hwm=EVENTS_HWM,
            max_bytes=hard_limit(settings.max_frame_bytes),
            verbose=True,
            monitor=self._monitor,
        )

    @property
    def alive(self) -> bool:
        """Whether all its channels are forwarded."""
        return all(each.alive for each in self._proxies.values())

    @property
    def refused(self) -> Counter[Refusal]:
        """Connections cut so far because of what came over them, by reason."""
        return self._refusals.counts

    def start(self) -> str:
        """Begins to forward; returns the URL of the HTTP side, empty where there is none."""
        self._monitor.start()
        for each in self._proxies.values():
            each.start()
        if not self._settings.http:
            return ""
        host, port = split_host_port("http", self._settings.http)
        try:
            sockets = bind_sockets(port, host)
        except OSError as error:
            text = f"http {self._settings.http}: {error.strerror or error}"
            raise StartError(text) from error
        self._server = HTTPServer(_application(self))
        self._server.add_sockets(sockets)
        host, port = sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def publishers(self, channel: str) -> list[str]:
        """Returns where publishers of a channel connect to; nothing where it is not relayed."""
        return [self._proxies[channel].publishers] if channel in self._proxies else []

    def subscribers(self, channel: str) -> list[str]:
        """Returns where subscribers of a channel connect to; nothing where it is not relayed."""
        return [self._proxies[channel].subscribers] if channel in self._proxies else []

    def traffic(self) -> dict[str, Traffic]:
        """Returns what has passed on each channel."""
        return {channel: each.traffic() for channel, each in self._proxies.items()}

    def addresses(self, http: str) -> RelayAddresses:
        """Returns where a relay of both channels really listens."""
        frames, events = self._proxies["frames"], self._proxies["events"]
        return RelayAddresses(
            frames.publishers, events.subscribers, frames.subscribers, events.publishers, http
        )

    async def stop(self) -> None:
        """Stops forwarding."""
        if self._server is not None:
            self._server.stop()
        self._monitor.close()
        for each in self._proxies.values():
            await asyncio.to_thread(each.stop)


class _TrafficCollector:
    """The relay's figures in the text format of Prometheus."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._registry: Any = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        traffic = self._relay.traffic()
        for attribute, text in (
            ("messages", "ZeroMQ frames taken in."),
            ("bytes", "Bytes taken in."),
            ("delivered_messages", "ZeroMQ frames passed on."),
            ("delivered_bytes", "Bytes passed on."),
        ):
            yield _family(attribute, text, traffic)
        refused = CounterMetricFamily(
            "partcast_relay_refused_messages",
            "Messages that cost their sender the connection.",
            labels=["reason"],
        )
        for reason, messages in self._relay.refused.items():
            refused.add_metric([reason.value], messages)
        yield refused


def _family(attribute: str, text: str, traffic: dict[str, Traffic]) -> Metric:
    family = CounterMetricFamily(f"partcast_relay_{attribute}", text, labels=["channel"])
    for channel, each in traffic.items():
        family.add_metric([channel], getattr(each, attribute))
    return family


class _MetricsHandler(web.RequestHandler):
    def initialize(self, collector: _TrafficCollector) -> None:
        self.collector = collector

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE)
        self.write(self.collector.render())


class _AliveHandler(web.RequestHandler):
    def initialize(self, relay: Relay) -> None:
        self.relay = relay

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if not self.relay.alive:
            self.set_status(503)
        self.write("ok\n" if self.relay.alive else "a proxy has ended\n")


def _application(relay: Relay) -> web.Application:
    return web.Application(
        [
            (r"/metrics", _MetricsHandler, {"collector": _TrafficCollector(relay)}),
            (r"/healthz", _AliveHandler, {"relay": relay}),
            (r"/readyz", _AliveHandler, {"relay": relay}),
        ],
        log_function=RequestLog(),
    )
