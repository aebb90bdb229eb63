"""What both producers are: attempts that never wait, over one audience and one set of sockets.

An attempt returns None where it has to be made again when something has come. `Producer` waits
with a condition, `AsyncProducer` with the event loop; nothing else differs between them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from producer.audience import Audience
from producer.channels import Channels, Endpoints
from producer.sending import Numbers, Window, new_producer_id
from protocol import (
    AllClients,
    ClosedConnection,
    Event,
    Frame,
    OneClient,
    Stop,
    Watcher,
    check_stream_name,
    encode,
)

# How long the first frame waits for a streamer to have subscribed, seconds.
JOIN_TIMEOUT_S: Final = 5.0
# The subscriptions of a streamer come one by one, within this time, seconds.
SUBSCRIPTIONS_S: Final = 0.25
# How long the last messages may take to leave when a producer is closed, seconds.
LINGER_S: Final = 2.0
# Events kept for a follower that does not take them; the oldest are dropped first.
FOLLOWER_EVENTS: Final = 100_000
# A snapshot that is not answered is asked for again after this time, seconds.
ASK_AGAIN_S: Final = 1.0

log = logging.getLogger("producer")


class ClientGone(Exception):  # noqa: N818  it is an end, and no error
    """The client has left; there is nobody to send to.

    Attributes:
        client: its id.

    """

    def __init__(self, client: str) -> None:
        super().__init__(f"client {client} has left")
        self.client = client


class Follower:
    """Takes events for somebody who reads them at leisure.

    Args:
        stream: whose events; None takes those of all streams, and of the nodes.

    """

    def __init__(self, stream: str | None) -> None:
        self._stream = stream
        self._events: deque[Event] = deque(maxlen=FOLLOWER_EVENTS)

    def offer(self, event: Event) -> None:
        """Takes an event, if it is for this follower."""
        if self._stream is None or getattr(event, "stream", None) == self._stream:
            self._events.append(event)

    def next(self) -> Event | None:
        """Returns the oldest event that was not read yet."""
        return self._events.popleft() if self._events else None


class Core:
    """A producer without the waiting.

    Args:
        endpoints: where the streamers, or their relay, are.
        clock: a monotonic clock, seconds.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(self, endpoints: Endpoints, clock: Callable[[], float]) -> None:
        self.id = new_producer_id()
        self.audience = Audience()
        self._clock = clock
        self._endpoints = endpoints
        self._channels = Channels(endpoints)
        self._numbers = Numbers()
        self._window = Window()
        self._followers: list[Follower] = []
        self._asked_at: dict[str, float] = {}
        self._known: set[str] = set()
        self._began = clock()
        self._joined_at: float | None = None
        self._was_joined = False
        self._said_alone = False

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that become readable when something has come."""
        return self._channels.descriptors

    def look(self) -> bool:
        """Takes in whatever has come; returns whether anything changed."""
        self._channels.look()
        self._say_whether_joined()
        now = self._clock()
        events: list[Event] = []
        for notice in self._channels.notices():
            events += self.audience.hear(notice, now)
        events += self.audience.pass_time(now)
        self._ask_for_snapshots(now)
        for event in events:
            self._tell(event)
        return bool(events)

    def close(self) -> None:
        """Closes the sockets; what was sent may take `LINGER_S` to leave."""
        self._channels.close(LINGER_S)

    # Attempts.

    def joined(self, timeout_s: float = 0.0) -> bool | None:
        """Tells whether a streamer has subscribed; False once the time is over."""
        channels = self._channels
        if channels.shared.is_joined and channels.control.is_joined:
            return True
        return False if self._clock() - self._began >= timeout_s else None

    def publish(self, frame: Frame) -> bool | None:
        """Sends a frame to all; False where nobody takes it."""
        if not self._channels.shared.covers(frame.address.topic):
            return None if self._is_joining() else False
        return self._channels.shared.send(encode(frame))

    def publish_to(self, frame: Frame, client: str) -> bool | None:
        """Sends a frame to one client; raises ClientGone."""
        watcher = self._watcher(client)
        targeted = self._channels.targeted
        if not targeted.covers(frame.address.topic):
            return None
        if watcher is not None and not self._window.is_open(watcher):
            return None
        if not targeted.send(encode(frame)):
            return None
        self._window.sent(client)
        return True

    def stop(self, stop: Stop) -> bool | None:
        """Sends a stop, as soon as a streamer takes it; False where none has come in time."""
        if self._channels.control.covers(stop.address.topic):
            return self._channels.control.send(encode(stop))
        return False if self._clock() - self._began >= JOIN_TIMEOUT_S else None

    def watched(self, stream: str) -> int | None:
        """Returns how many clients watch a stream; None where none does."""
        self._channels.follow(stream)
        return self.audience.connections(stream) or None

    def next_client(self, stream: str, seen: set[str]) -> Watcher | None:
        """Returns a client that is not in `seen`, and puts it there."""
        self._channels.follow(stream)
        present = self.audience.clients(stream)
        seen &= {each.client for each in present}
        new = next((each for each in present if each.client not in seen), None)
        if new is not None:
            seen.add(new.client)
            self._known.add(new.client)
        return new

    def gone(self, client: str) -> bool | None:
        """Tells whether a client that was there has left; None while it is there."""
        return None if self.audience.find(client) is not None else True

    # Messages.

    def frame(
        self,
        address: AllClients | OneClient,
        body: bytes,
        content_type: str | None,
        headers: Mapping[str, str] | None,
        time_ns: int | None,
    ) -> Frame:
        """Returns a numbered frame; raises ValueError for what the wire does not allow."""
        plain = Frame(address, bytes(body), content_type, headers or {}, time_ns)
        number = self._numbers.next(address)
        return Frame(address, plain.body, content_type, plain.headers, time_ns, number, self.id)

    def stopping(self, address: AllClients | OneClient, *, now: bool) -> Stop:
        """Returns a stop, after the last frame that was sent or at once."""
        last = None if now else self._numbers.last(address)
        return Stop(address, last, self.id if last is not None else None)

    def follow(self, stream: str | None) -> Follower:
        """Begins to follow the events of a stream, or of all."""
        follower = Follower(None if stream is None else check_stream_name(stream))
        self._followers.append(follower)
        self._channels.follow(stream)
        return follower

    def unfollow(self, follower: Follower) -> None:
        """Ends that."""
        self._followers.remove(follower)

    # Within.

    def _watcher(self, client: str) -> Watcher | None:
        watcher = self.audience.find(client)
        if watcher is None and client in self._known:
            raise ClientGone(client)
        if watcher is not None:
            self._known.add(client)
        return watcher

    def _ask_for_snapshots(self, now: float) -> None:
        for stream in list(self.audience.doubted):
            if not self._channels.follows(stream):
                # Heartbeats count every stream; only those somebody follows are of interest.
                self.audience.doubted.discard(stream)
            elif now - self._asked_at.get(stream, -ASK_AGAIN_S) >= ASK_AGAIN_S:
                self._asked_at[stream] = now
                self.audience.doubted.discard(stream)
                self._channels.ask_for_snapshot(stream)

    def _tell(self, event: Event) -> None:
        if isinstance(event, ClosedConnection):
            self._window.forget(event.client)
        for follower in self._followers:
            follower.offer(event)

    def _is_joining(self) -> bool:
        """Tells whether a first subscription may still be on its way."""
        now = self._clock()
        if self._joined_at is None:
            return now - self._began < JOIN_TIMEOUT_S
        return now - self._joined_at < SUBSCRIPTIONS_S

    def _say_whether_joined(self) -> None:
        joined = self._channels.shared.is_joined
        if joined and self._joined_at is None:
            self._joined_at = self._clock()
        if joined and not self._was_joined and self._said_alone:
            log.info("a streamer takes frames at %s", self._endpoints.frames)
            self._said_alone = False
        elif not joined and not self._said_alone and self._is_alone():
            log.warning("no streamer takes frames at %s: waiting", self._endpoints.frames)
            self._said_alone = True
        self._was_joined = joined

    def _is_alone(self) -> bool:
        return self._was_joined or self._clock() - self._began >= 1.0
