"""The ZeroMQ sockets of a producer: frames, targeted frames and control out, events in.

Each kind of message has a socket of its own, because every ZeroMQ pipe has its own high-water
mark: a flood of frames loses neither a stop nor another client's frame. All three are XPUB
sockets where PUB would do, since XPUB shows the subscriptions that have arrived.

Not thread-safe: whoever uses it from several threads holds a lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import zmq

from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    NODE_PREFIX,
    MalformedError,
    Notice,
    decode_notice,
    event_topic,
)

# Shared frames that may wait for a slow connection: the newest matter, old ones are dropped.
SHARED_HWM: Final = 64
# Targeted frames that may wait; beyond it sending waits, nothing is dropped.
TARGETED_HWM: Final = 1_000
# ZMTP heartbeats: a half-open connection is noticed and made anew, ms (zmq_setsockopt(3)).
HEARTBEAT_INTERVAL_MS: Final = 2_000
HEARTBEAT_TIMEOUT_MS: Final = 6_000
RECONNECT_MS: Final = 100
RECONNECT_MAX_MS: Final = 1_000
# Events taken in one go, so that a flood of them does not keep its caller.
EVENTS_AT_ONCE: Final = 256

ALL_EVENTS: Final = b"event/"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a producer meets the streamers, or their relay.

    Attributes:
        frames: endpoint of the frames channel.
        events: endpoint of the events channel.

    """

    frames: str = FRAMES_PRODUCER_SIDE
    events: str = EVENTS_PRODUCER_SIDE


class Outgoing:
    """An XPUB socket that knows which topics somebody takes.

    Args:
        context: the ZeroMQ context.
        endpoint: what to connect to.
        hwm: messages that may wait.
        lossless: whether sending refuses at the high-water mark, or drops.

    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, hwm: int, *, lossless: bool
    ) -> None:
        self.socket = context.socket(zmq.XPUB)
        _harden(self.socket)
        self.socket.setsockopt(zmq.SNDHWM, hwm)
        self.socket.setsockopt(zmq.XPUB_NODROP, int(lossless))
        _connect(self.socket, endpoint)
        self._topics: set[bytes] = set()

    def covers(self, topic: bytes) -> bool:
        """Tells whether a subscription to a topic has arrived."""
        return any(topic.startswith(each) for each in self._topics)

    @property
    def is_joined(self) -> bool:
        """Whether any streamer has subscribed to anything."""
        return bool(self._topics)

    def look(self) -> None:
        """Takes in the subscriptions that have come."""
        while _has_message(self.socket):
            message = self.socket.recv(zmq.NOBLOCK)
            if message[:1] == b"\x01":
                self._topics.add(message[1:])
            else:
                self._topics.discard(message[1:])

    def send(self, parts: list[bytes]) -> bool:
        """Sends without waiting; returns False where a lossless socket has no room."""
        try:
            # Small ones are copied anyway; a picture goes as it is.
            self.socket.send_multipart(parts, zmq.NOBLOCK, copy=len(parts[-1]) < zmq.COPY_THRESHOLD)
        except zmq.Again:
            return False
        return True


class Channels:
    """All sockets of one producer.

    Args:
        endpoints: where to connect to.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._open(endpoints)
        except ValueError:
            self._context.destroy(0)
            raise

    def _open(self, endpoints: Endpoints) -> None:
        context = self._context
        self.shared = Outgoing(context, endpoints.frames, SHARED_HWM, lossless=False)
        self.targeted = Outgoing(context, endpoints.frames, TARGETED_HWM, lossless=True)
        self.control = Outgoing(context, endpoints.frames, 0, lossless=False)
        # XSUB where SUB would do: it passes repeated subscriptions on, which are answered
        # with a snapshot each.
        self._events = context.socket(zmq.XSUB)
        _harden(self._events)
        self._events.setsockopt(zmq.RCVHWM, 0)
        self._events.setsockopt(zmq.SNDHWM, 0)
        _connect(self._events, endpoints.events)
        self._followed: set[bytes] = set()
        self._subscribe(NODE_PREFIX)

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that become readable when something has come (edge-triggered)."""
        sockets = (self.shared.socket, self.targeted.socket, self.control.socket, self._events)
        return [each.fileno() for each in sockets]

    def follow(self, stream: str | None) -> None:
        """Subscribes to the events of a stream, or of all; at most once."""
        topic = ALL_EVENTS if stream is None else event_topic(stream)
        if topic not in self._followed:
            self._followed.add(topic)
            self._subscribe(topic)

    def follows(self, stream: str) -> bool:
        """Tells whether the events of a stream are subscribed to."""
        return ALL_EVENTS in self._followed or event_topic(stream) in self._followed

    def ask_for_snapshot(self, stream: str) -> None:
        """Subscribes once more, and takes that back: the answer is a snapshot."""
        topic = event_topic(stream)
        self._subscribe(topic)
        self._events.send(b"\x00" + topic)

    def notices(self) -> Iterator[Notice]:
        """Yields the notices that have come; what is malformed is passed over."""
        for _ in range(EVENTS_AT_ONCE):
            if not _has_message(self._events):
                return
            try:
                yield decode_notice(self._events.recv_multipart(zmq.NOBLOCK))
            except MalformedError:
                continue  # of a newer streamer perhaps; a lost event shows as a gap

    def look(self) -> None:
        """Takes in the subscriptions that have come."""
        self.shared.look()
        self.targeted.look()
        self.control.look()

    def close(self, linger_s: float) -> None:
        """Closes everything; what was sent may take `linger_s` to leave."""
        self._context.destroy(int(linger_s * 1000))

    def _subscribe(self, topic: bytes) -> None:
        self._events.send(b"\x01" + topic)


def _harden(sock: zmq.Socket[bytes]) -> None:
    sock.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
    sock.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    sock.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    sock.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)


def _connect(sock: zmq.Socket[bytes], endpoint: str) -> None:
    sock.setsockopt(zmq.IPV6, int("[" in endpoint))
    try:
        sock.connect(endpoint)
    except zmq.ZMQError as error:
        raise ValueError(
            f"bad endpoint {endpoint!r} ({error.strerror}): allowed is a ZeroMQ endpoint, "
            f"as {FRAMES_PRODUCER_SIDE}"
        ) from error


def _has_message(sock: zmq.Socket[bytes]) -> bool:
    return bool(int(sock.getsockopt(zmq.EVENTS)) & zmq.POLLIN)
