"""Receives frames and stops, and carries them through the hub."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import zmq

from protocol import AllClients, MalformedError, Refusal, decode, node_subscription
from streamer.channels.absence import ABSENT_S, Absence
from streamer.channels.monitor import Monitor
from streamer.channels.refusals import RefusalLog
from streamer.channels.subscriber import Subscriber
from streamer.channels.subscriptions import WatchedStreams, of_patterns
from streamer.channels.watch import Watch
from streamer.configuration.settings import Settings
from streamer.fanout.hub import Hub
from streamer.fanout.rows import MOST_TOGETHER_BYTES

# How long one turn may keep the event loop, seconds; HTTP has its turn in between.
TURN_S: Final = 0.004
# Messages taken in before they are delivered; those of one stream go out together.
BATCH_MESSAGES: Final = 32
# Targeted messages of a relay that may wait here for a turn. A library producer has at most 40
# under way to a node, so that many of them fit; who keeps to no window is bounded by it too.
TARGETED_HWM: Final = 1_000


class Feed:
    """The streamer's end of the frames channel.

    Where it connects, targeted frames have a socket of their own: a relay drops what does not
    fit into a connection's pipe, and a flood of shared frames is to drop none of them. Where it
    binds, each producer's connections are pipes of their own already.

    Args:
        context: the process's ZeroMQ context.
        settings: endpoints and limits.
        node: id of this node.
        hub: takes the messages.
        clock: a monotonic clock, seconds.
        loop: the event loop.

    Raises:
        zmq.ZMQError: where an endpoint cannot be had.

    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: Settings,
        node: str,
        hub: Hub,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._loop = loop
        self._refusals = RefusalLog(clock, settings.max_frame_bytes)
        self._absence = Absence(settings.connect_frames)
        self._warning: asyncio.TimerHandle | None = None
        self._monitor = Monitor(loop, self._refusals.refuse_peer, self._absence.end)
        self._watch: Watch | None = None
        self.received = 0
        self.received_bytes = 0
        self.polled = asyncio.Event()
        self._watched = WatchedStreams() if settings.subscribe == "watched" else None
        self._shared: list[Subscriber] = []
        self._subscribers: list[Subscriber] = []
        self.endpoints: list[str] = []
        try:
            self._open(context, node)
        except zmq.ZMQError:
            self.close()
            raise

    def _open(self, context: zmq.Context[zmq.Socket[bytes]], node: str) -> None:
        settings = self._settings
        targeted = node_subscription(node)
        shared = [] if self._watched else of_patterns(settings.allow_streams)

        def add(hwm: int, *topics: bytes, spoken_by: str | None = None) -> Subscriber:
            subscriber = Subscriber(context, hwm, settings.max_frame_bytes, spoken_by)
            self._subscribers.append(subscriber)
            self._monitor.add(subscriber.socket)
            subscriber.subscribe(*topics)
            return subscriber

        if settings.bind_frames:
            bound = add(settings.frames_hwm, *shared, targeted)
            self._shared.append(bound)
            self.endpoints += bound.attach(settings.bind_frames)
        if settings.connect_frames:
            connected = add(settings.frames_hwm, *shared, spoken_by=node)
            self._shared.append(connected)
            self.endpoints += connected.attach("", *settings.connect_frames)
            add(TARGETED_HWM, targeted).attach("", *settings.connect_frames)

    @property
    def refused(self) -> Counter[Refusal]:
        """Messages refused so far, by reason."""
        return self._refusals.counts

    def start(self) -> None:
        """Begins to receive."""
        self._monitor.start()
        sockets = (each.socket for each in self._subscribers)
        self._watch = Watch(sockets, self._loop, self._turn)
        self._warning = self._loop.call_later(ABSENT_S, self._absence.warn)

    def follow(self) -> None:
        """Takes the streams that are watched, where only those are to be taken."""
        if self._watched is None:
            return
        new, old = self._watched.update(self._hub.streams.watched(), self._clock())
        for each in self._shared:
            each.subscribe(*(AllClients(name).topic for name in new))
            each.unsubscribe(*(AllClients(name).topic for name in old))
        for name in old:
            self._hub.streams.let_go(name)  # it goes on, or is stopped, without us
        if new or old:
            self.wake()  # a socket sends subscriptions only when it is used

    def wake(self) -> None:
        """Asks for a turn, because the hub has work."""
        if self._watch is not None:
            self._watch.schedule()

    def close(self) -> None:
        """Stops receiving."""
        if self._watch is not None:
            self._watch.close()
        if self._warning is not None:
            self._warning.cancel()
        self._monitor.close()
        for each in self._subscribers:
            each.close()

    def _turn(self) -> bool:
        """Receives and delivers for one budget; returns whether there is more to do."""
        deadline = self._clock() + TURN_S
        more = True
        while more or self._hub.working:
            if not self._hub.working:
                more = self._receive()
                self.polled.set()
            while self._hub.work():
                if self._clock() >= deadline:
                    return True
            if more and self._clock() >= deadline:
                return True
        return False

    def _receive(self) -> bool:
        """Takes in what waits, up to a batch, from each socket in turn; tells whether more may."""
        received = self.received
        enough = self.received_bytes + MOST_TOGETHER_BYTES
        waiting = self._subscribers
        while self.received_bytes < enough and self.received - received < BATCH_MESSAGES:
            waiting = [each for each in waiting if self._take_from(each)]
            if not waiting:
                return False
        return True

    def _take_from(self, subscriber: Subscriber) -> bool:
        parts = subscriber.take()
        if parts is None:
            return False
        self._take(parts)
        return True

    def _take(self, parts: list[bytes]) -> None:
        self.received += 1
        self.received_bytes += sum(map(len, parts))
        try:
            message = decode(
                parts,
                max_frame_bytes=self._settings.max_frame_bytes,
                max_header_bytes=self._settings.max_header_bytes,
            )
        except MalformedError as error:
            self._refusals.refuse(error, parts)
            self._hub.refuse(parts[0])
            return
        try:
            self._hub.accept(message, self._clock())
        except MalformedError as error:
            self._refusals.refuse(error, parts)
