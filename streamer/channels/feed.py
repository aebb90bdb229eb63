"""Receives frames and stops, and carries them through the hub."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

import zmq

from protocol import MalformedError, Refusal, decode, node_subscription
from streamer.channels.refusals import RefusalLog
from streamer.channels.subscriptions import WatchedTopics, of_patterns
from streamer.channels.watch import Watch, has_message
from streamer.channels.zeromq import attach, hard_limit, harden
from streamer.configuration.settings import Settings
from streamer.fanout.hub import Hub
from streamer.fanout.slices import MOST_BATCH_BYTES

# How long one turn may keep the event loop, seconds; HTTP has its turn in between.
TURN_S: Final = 0.004
# Messages taken in before they are delivered; those of one stream go out together.
BATCH_MESSAGES: Final = 32

log = logging.getLogger(__name__)


class Feed:
    """The streamer's end of the frames channel.

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
        self._refusals = RefusalLog()
        self._watch: Watch | None = None
        self.received = 0
        self.received_bytes = 0
        self.polled = asyncio.Event()
        self._socket = context.socket(zmq.SUB)
        harden(self._socket)
        self._socket.setsockopt(zmq.RCVHWM, settings.frames_hwm)
        # Subscriptions count against the sending mark, and are not to be lost (libzmq 2258).
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, hard_limit(settings.max_frame_bytes))
        self._watched = WatchedTopics() if settings.subscribe == "watched" else None
        for topic in [] if self._watched else of_patterns(settings.allow_streams):
            self._socket.subscribe(topic)
        self._socket.subscribe(node_subscription(node))
        try:
            self.endpoints = attach(self._socket, settings.bind_frames, settings.connect_frames)
        except zmq.ZMQError:
            self._socket.close(0)
            raise

    @property
    def refused(self) -> Counter[Refusal]:
        """Messages refused so far, by reason."""
        return self._refusals.counts

    def start(self) -> None:
        """Begins to receive."""
        self._watch = Watch(self._socket, self._loop, self._turn)

    def follow(self) -> None:
        """Takes the streams that are watched, where only those are to be taken."""
        if self._watched is None:
            return
        new, old = self._watched.update(self._hub.streams.watched(), self._clock())
        for topic in new:
            self._socket.subscribe(topic)
        for topic in old:
            self._socket.unsubscribe(topic)
        if new or old:
            self.wake()  # the socket sends subscriptions only when it is used

    def wake(self) -> None:
        """Asks for a turn, because the hub has work."""
        if self._watch is not None:
            self._watch.schedule()

    def close(self) -> None:
        """Stops receiving."""
        if self._watch is not None:
            self._watch.close()
        self._socket.close(0)

    def _turn(self) -> bool:
        """Receives and delivers for one budget; returns whether there is more to do."""
        deadline = self._clock() + TURN_S
        while self._hub.working or self._receive():
            while self._hub.work():
                if self._clock() >= deadline:
                    return True
            if self._clock() >= deadline:
                return True
        self.polled.set()
        return False

    def _receive(self) -> bool:
        """Takes what waits in, up to a batch; returns whether anything did."""
        received = self.received
        enough = self.received_bytes + MOST_BATCH_BYTES
        while self.received_bytes < enough and has_message(self._socket):
            self._take(self._socket.recv_multipart(zmq.NOBLOCK))
            if self.received - received >= BATCH_MESSAGES:
                break
        return self.received != received

    def _take(self, parts: list[bytes]) -> None:
        self.received += 1
        self.received_bytes += sum(map(len, parts))
        now = self._clock()
        try:
            message = decode(
                parts,
                max_frame_bytes=self._settings.max_frame_bytes,
                max_header_bytes=self._settings.max_header_bytes,
            )
        except MalformedError as error:
            self._refuse(error, now)
            self._hub.refuse(parts[0])
            return
        try:
            self._hub.accept(message, now)
        except MalformedError as error:
            self._refuse(error, now)

    def _refuse(self, error: MalformedError, now: float) -> None:
        line = self._refusals.note(error, now)
        if line is not None:
            log.warning("refused %s", line)
