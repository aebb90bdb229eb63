"""The ZeroMQ sockets of a producer: frames, targeted frames and control out, events in.

Each kind of message has a socket of its own, because every ZeroMQ pipe has its own high-water
mark: a flood of frames loses neither a stop nor another client's frame. All three are XPUB
sockets where PUB would do, since XPUB shows the subscriptions that have arrived.

Not thread-safe: whoever uses it from several threads holds a lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import zmq

from protocol import (
    EVENT_PREFIX,
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    NODE_PREFIX,
    MalformedError,
    Notice,
    check_endpoint,
    decode_notice,
    event_topic,
)
from protocol.names import ONE_PREFIX

# Shared frames that may wait for a slow connection, as many as in a relay. A burst of small ones
# fits; beyond it a frame is refused, so that what is behind it does not get old.
SHARED_HWM: Final = 256
# Targeted frames that may wait; beyond it sending waits, nothing is dropped.
TARGETED_HWM: Final = 1_000
# Events that may wait for us. Beyond it the streamer drops them, which shows as a gap.
EVENTS_HWM: Final = 100_000
# How long the last messages may take to leave when a producer is closed, seconds.
LINGER_S: Final = 2.0
# ZMTP heartbeats: a half-open connection is noticed and made anew, ms (zmq_setsockopt(3)).
HEARTBEAT_INTERVAL_MS: Final = 2_000
HEARTBEAT_TIMEOUT_MS: Final = 6_000
RECONNECT_MS: Final = 100
RECONNECT_MAX_MS: Final = 1_000
# Events taken in one go, so that a flood of them does not keep its caller.
EVENTS_AT_ONCE: Final = 256

_SUBSCRIBE: Final = b"\x01"
_UNSUBSCRIBE: Final = b"\x00"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a producer meets the streamers, or their relay.

    Attributes:
        frames: endpoint of the frames channel.
        events: endpoint of the events channel.

    """

    frames: str = FRAMES_PRODUCER_SIDE
    events: str = EVENTS_PRODUCER_SIDE


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What has changed in who takes what.

    Attributes:
        changed: whether anything has.
        new: topics of shared frames that somebody takes, or one more does.
        parted: topics of targeted frames that nobody takes any more.

    """

    changed: bool
    new: list[bytes]
    parted: list[bytes]


class Outgoing:
    """An XPUB socket that knows which topics somebody takes.

    Args:
        context: the ZeroMQ context.
        endpoint: what to connect to.
        hwm: messages that may wait; 0 for any number.

    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, hwm: int) -> None:
        self.socket = context.socket(zmq.XPUB)
        _harden(self.socket)
        self.socket.setsockopt(zmq.SNDHWM, hwm)
        # To refuse at the mark and not to drop: then it is known.
        self.socket.setsockopt(zmq.XPUB_NODROP, 1)
        # What waits and what was subscribed ends with the connection (zmq_setsockopt(3)): else
        # a streamer that comes back shows what was published while it was away, and one that
        # does not seems to be there.
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        _connect(self.socket, endpoint)
        self._topics: set[bytes] = set()
        self._lengths: Counter[int] = Counter()

    def covers(self, topic: bytes) -> bool:
        """Tells whether a subscription to a topic has arrived."""
        return any(topic[:length] in self._topics for length in self._lengths)

    @property
    def is_joined(self) -> bool:
        """Whether any streamer has subscribed to anything."""
        return bool(self._topics)

    @property
    def topics(self) -> Collection[bytes]:
        """The prefixes that are subscribed."""
        return self._topics

    def look(self) -> Subscriptions:
        """Takes in the subscriptions that have come, and those that have gone."""
        changed, new, parted = False, [], []
        while _has_message(self.socket):
            message = self.socket.recv(zmq.NOBLOCK)
            topic = message[1:]
            changed = True
            if message[:1] == _SUBSCRIBE and topic not in self._topics:
                self._topics.add(topic)
                self._lengths[len(topic)] += 1
                new.append(topic)
            elif message[:1] == _UNSUBSCRIBE and topic in self._topics:
                self._drop(topic)
                parted.append(topic)
        return Subscriptions(changed, new, parted)

    def _drop(self, topic: bytes) -> None:
        self._topics.remove(topic)
        self._lengths[len(topic)] -= 1
        if not self._lengths[len(topic)]:
            del self._lengths[len(topic)]

    def send(self, parts: list[bytes]) -> bool:
        """Sends without waiting; returns False where there is no room."""
        try:
            # A copy costs microseconds. Without one, pyzmq wants to be told by libzmq when a
            # body has left, which crashes an interpreter that is ending.
            self.socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


class Channels:
    """All sockets of one producer.

    Args:
        endpoints: where to connect to.

    Attributes:
        has_more: whether more notices have come than were taken in one go; nothing becomes
            readable for those.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.has_more = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._open(endpoints)
        except ValueError:
            self._context.destroy(0)
            raise

    def _open(self, endpoints: Endpoints) -> None:
        context = self._context
        self.shared = Outgoing(context, endpoints.frames, SHARED_HWM)
        self.targeted = Outgoing(context, endpoints.frames, TARGETED_HWM)
        self.control = Outgoing(context, endpoints.frames, 0)
        # XSUB where SUB would do: it passes repeated subscriptions on, which are answered
        # with a snapshot each.
        self._events = context.socket(zmq.XSUB)
        _harden(self._events)
        self._events.setsockopt(zmq.RCVHWM, EVENTS_HWM)
        self._events.setsockopt(zmq.SNDHWM, 0)
        _connect(self._events, endpoints.events)
        self._followed: set[bytes] = set()
        self._subscribe(NODE_PREFIX)

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that become readable when something has come (edge-triggered)."""
        sockets = (self.shared.socket, self.targeted.socket, self.control.socket, self._events)
        return [each.fileno() for each in sockets]

    @property
    def nodes(self) -> list[str]:
        """The ids of the nodes that take targeted frames."""
        nodes = (node_of_subscription(topic) for topic in self.targeted.topics)
        return [node for node in nodes if node]

    def follow(self, stream: str | None) -> None:
        """Subscribes to the events of a stream, or of all; at most once."""
        topic = EVENT_PREFIX if stream is None else event_topic(stream)
        if topic not in self._followed:
            self._followed.add(topic)
            self._subscribe(topic)

    def unfollow(self, stream: str) -> None:
        """Takes the events of a stream no more, if they were taken for itself."""
        topic = event_topic(stream)
        if topic in self._followed:
            self._followed.remove(topic)
            self._events.send(_UNSUBSCRIBE + topic)

    def ask_for_snapshot(self, stream: str) -> None:
        """Subscribes once more, and takes that back: the answer is a snapshot."""
        topic = event_topic(stream)
        self._subscribe(topic)
        # Subscriptions are counted: this one goes out only where the stream is not followed.
        self._events.send(_UNSUBSCRIBE + topic)

    def notices(self) -> Iterator[Notice]:
        """Yields the notices that have come; what is malformed is passed over."""
        self.has_more = False
        for _ in range(EVENTS_AT_ONCE):
            if not _has_message(self._events):
                return
            try:
                yield decode_notice(self._events.recv_multipart(zmq.NOBLOCK))
            except MalformedError:
                continue  # of a newer streamer perhaps; a lost event shows as a gap
        self.has_more = _has_message(self._events)

    def look(self) -> Subscriptions:
        """Takes in the subscriptions that have come, and those that have gone."""
        shared, targeted, control = self.shared.look(), self.targeted.look(), self.control.look()
        changed = shared.changed or targeted.changed or control.changed
        return Subscriptions(changed, shared.new, targeted.parted)

    def close(self, linger_s: float = LINGER_S) -> None:
        """Closes everything; what was sent may take `linger_s` to leave."""
        self._events.close(0)  # a subscription that has not left is of no use any more
        self._context.destroy(int(linger_s * 1000))

    def _subscribe(self, topic: bytes) -> None:
        self._events.send(_SUBSCRIBE + topic)


def node_of_subscription(prefix: bytes) -> str:
    """Returns the id of the node that takes its clients' frames so; empty where it is no node."""
    return prefix[len(ONE_PREFIX) : -1].decode("latin-1") if prefix.startswith(ONE_PREFIX) else ""


def _harden(sock: zmq.Socket[bytes]) -> None:
    # Who forgets to close is not kept for ever at the end.
    sock.setsockopt(zmq.LINGER, int(LINGER_S * 1000))
    sock.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
    sock.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    sock.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    sock.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)


def _connect(sock: zmq.Socket[bytes], endpoint: str) -> None:
    try:
        check_endpoint(endpoint, FRAMES_PRODUCER_SIDE)
    except ValueError as error:
        raise ValueError(f"bad endpoint {endpoint!r}: allowed is {error}") from None
    sock.setsockopt(zmq.IPV6, int("[" in endpoint))
    try:
        sock.connect(endpoint)
    except zmq.ZMQError as error:
        raise ValueError(
            f"bad endpoint {endpoint!r} ({error.strerror or error}): allowed is a ZeroMQ endpoint, "
            f"as {FRAMES_PRODUCER_SIDE}"
        ) from error


def _has_message(sock: zmq.Socket[bytes]) -> bool:
    return bool(int(sock.getsockopt(zmq.EVENTS)) & zmq.POLLIN)
