"""Tells the producers who comes and goes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Final

import zmq

from protocol import (
    EVENT_PREFIX,
    Event,
    Goodbye,
    Heartbeat,
    Notice,
    encode_notice,
    event_topic,
    is_stream_name,
    topic_of,
)
from streamer.channels.watch import Watch, has_message
from streamer.channels.zeromq import MAX_SUBSCRIPTION_BYTES, attach, harden
from streamer.configuration.settings import Settings
from streamer.fanout.hub import Hub

# Events that may wait for one subscriber: PUB drops the rest, which shows as a gap in `seq`.
EVENTS_HWM: Final = 100_000
# How long the last events may take to leave at the end, ms.
LINGER_MS: Final = 1_000
# Topics whose numbers are remembered; anybody may subscribe to a stream that never was, and is
# answered. The one that was silent for longest is forgotten first.
TOPICS_REMEMBERED: Final = 100_000
# Subscriptions answered in one turn of the event loop, and clients named in the answers: a client
# in a snapshot costs about 6 us.
TURN_SUBSCRIPTIONS: Final = 32
TURN_CLIENTS: Final = 500


class Notifier:
    """The streamer's end of the events channel.

    Args:
        context: the process's ZeroMQ context.
        settings: endpoints and the heartbeat's interval.
        node: id of this node.
        loop: the event loop.

    Raises:
        zmq.ZMQError: where an endpoint cannot be had.

    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: Settings,
        node: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._node = node
        self._interval_s = settings.heartbeat_interval_s
        self._loop = loop
        self._numbers: OrderedDict[bytes, int] = OrderedDict()
        self._highest_forgotten = 0
        self._watch: Watch | None = None
        self._hub: Hub | None = None
        self.published = 0
        self._socket = context.socket(zmq.XPUB)
        harden(self._socket)
        self._socket.setsockopt(zmq.SNDHWM, EVENTS_HWM)
        self._socket.setsockopt(zmq.LINGER, LINGER_MS)
        if not settings.connect_events:
            # Elsewhere a relay passes on what its subscribers send, and has the same limit: it is
            # not to be disconnected for one of them.
            self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
        # Repeated subscriptions too are passed up: each is answered with a snapshot.
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        try:
            self.endpoints = attach(self._socket, settings.bind_events, settings.connect_events)
        except zmq.ZMQError:
            self._socket.close(0)
            raise

    def start(self, hub: Hub) -> None:
        """Begins to answer subscriptions with what `hub` knows."""
        self._hub = hub
        self._watch = Watch([self._socket], self._loop, self._turn)

    def notify(self, event: Event) -> None:
        """Publishes an event; never waits."""
        topic = topic_of(self._node, event)
        self.published += 1
        notice = Notice(self._node, self._next(topic), time.time_ns(), event)
        self._socket.send_multipart(encode_notice(notice), zmq.NOBLOCK)

    def _next(self, topic: bytes) -> int:
        # One that was forgotten goes on above all that were: a gap makes producers ask again,
        # where a smaller number would be an old one to them.
        number = self._numbers.pop(topic, self._highest_forgotten) + 1
        self._numbers[topic] = number
        if len(self._numbers) > TOPICS_REMEMBERED:
            _, forgotten = self._numbers.popitem(last=False)
            self._highest_forgotten = max(self._highest_forgotten, forgotten)
        return number

    def heartbeat(self, now: float) -> None:
        """Publishes that the node is alive, and how its streams are."""
        if self._hub is not None:
            self.notify(Heartbeat(self._interval_s, self._hub.streams.states(now)))

    def close(self) -> None:
        """Says goodbye; the last events leave within `LINGER_MS`."""
        self.notify(Goodbye())
        if self._watch is not None:
            self._watch.close()
        self._socket.close()

    def _turn(self) -> bool:
        named = 0
        for _ in range(TURN_SUBSCRIPTIONS):
            if named >= TURN_CLIENTS:
                break
            if not has_message(self._socket):
                return False
            message = self._socket.recv(zmq.NOBLOCK)
            if message[:1] == b"\x01":
                named += self._answer(message[1:])
        return True

    def _answer(self, subscription: bytes) -> int:
        """Answers a subscription; returns how many clients the answer names."""
        if self._hub is None:
            return 0
        streams, named = self._hub.streams, 0
        for name in subscribed_streams(subscription, streams.watched()):
            snapshot = streams.snapshot(name)
            self.notify(snapshot)
            named += len(snapshot.clients)
        return named


def subscribed_streams(subscription: bytes, watched: list[str]) -> list[str]:
    """Returns the streams whose snapshot a subscription is answered with.

    The topic of one stream asks for that stream, watched or not; a shorter prefix asks for
    every stream that matches and has clients.
    """
    name = subscription[len(EVENT_PREFIX) : -1].decode("latin-1")
    if is_stream_name(name) and subscription == event_topic(name):
        return [name]
    return [each for each in watched if event_topic(each).startswith(subscription)]
