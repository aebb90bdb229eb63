"""What both producers are: attempts that never wait, over one audience and one set of sockets.

An attempt returns None where it has to be made again when something has come. `Producer` waits
in a thread, `AsyncProducer` on the event loop; nothing else differs between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final
from weakref import WeakSet

from producer.audience import Audience
from producer.body import Body, as_bytes
from producer.channels import Channels, Endpoints, Outgoing, node_of_subscription
from producer.departures import ClientGone, Departures
from producer.following import Arrivals, Follower, Totals, opened
from producer.interest import Interest
from producer.joining import Joining, Straggler
from producer.last_frames import LastFrames
from producer.sending import Numbers, Window, new_producer_id
from producer.stopping import Stopping
from producer.waiting import ANY_EVENT, EVERYTHING, subjects
from protocol import (
    Address,
    ClosedConnection,
    Credit,
    Event,
    Frame,
    Stop,
    check_stream_name,
    encode,
    subscribed_prefix,
)

__all__ = ["POLL_S", "Body", "ClientGone", "Core"]

# A lost edge of a ZeroMQ descriptor costs no more than this, and so does noticing that a node
# has died, seconds.
POLL_S: Final = 0.1
# Time between two looks at what only time brings, seconds: not with every frame.
TICK_S: Final = 0.05


class Core:
    """A producer without the waiting.

    Attributes:
        id: of this producer instance.
        audience: who watches.

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
        self._channels = Channels(endpoints)
        self._joining = Joining(endpoints.frames, clock())
        self._straggler = Straggler()
        self._ticked_at = clock()
        self._numbers = Numbers()
        self._last_frames = LastFrames()
        self._window = Window()
        self._totals = Totals()
        self._followers: WeakSet[Follower | Arrivals] = WeakSet()
        self._departures = Departures()
        self._interest = Interest(self._channels, self.audience, self._has_follower)
        self._stopping = Stopping(self._channels, self.audience, self._interest)
        self._was_refused = False

    @property
    def has_more(self) -> bool:
        """Whether more has come than one look takes in."""
        return self._channels.has_more

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that become readable when something has come."""
        return self._channels.descriptors

    def look(self) -> set[str]:
        """Takes in what has come; returns what changed: streams, clients, or everything.

        A flood is taken in by and by: `has_more` tells whether to look again at once.
        """
        now = self._clock()
        changes: set[str] = set()
        self._look_at_subscriptions(now, changes)
        self._send_again(now)
        for notice in self._channels.notices():
            if not self._interest.means(notice.event):
                continue  # asked for, and forgotten before the answer came
            changes.update(subjects(notice.event))
            self._tell(self.audience.hear(notice, now), changes)
        # Nobody is silent whose words still wait.
        if now - self._ticked_at >= TICK_S and not self.has_more:
            self._ticked_at = now
            self._tell(self.audience.pass_time(now), changes)
            self._stopping.pass_time(now)
            for stream in self.audience.to_ask(self._interest.asked, now):
                self._channels.ask_for_snapshot(stream)
        return changes

    def close(self) -> None:
        """Closes the sockets; what was sent may take `LINGER_S` to leave."""
        self._channels.close()

    # Attempts.

    def joined(self) -> bool | None:
        """Tells that a streamer has subscribed; None while there is none."""
        channels = self._channels
        return (channels.shared.is_joined and channels.control.is_joined) or None

    def publish(self, frame: Frame) -> bool | None:
        """Sends a frame to all; False where nobody takes it, or too many wait already.

        One that nobody takes is kept as any other: who subscribes later gets it.
        """
        shared, now = self._channels.shared, self._clock()
        sent = None
        if shared.covers(frame.address.topic):
            sent = self._send(shared, frame)
            self._stopping.prepare(frame.address, now)
        elif self._joining.is_under_way(now):
            return None
        self._last_frames.keep(sent or frame, now)
        return sent is not None

    def publish_to(self, frame: Frame, client: str, since: float) -> bool | None:
        """Sends a frame to one client; raises ClientGone.

        Args:
            frame: what to send.
            client: the client's id.
            since: when that was first attempted, seconds of the clock.

        """
        watcher = self.audience.find(client)
        if watcher is None:
            self._search(client, since)
            return None
        targeted = self._channels.targeted
        now = self._clock()
        if not targeted.covers(frame.address.topic) or not self._window.is_open(watcher, now):
            return None
        if not self._send(targeted, frame):
            self._was_refused = True
            return None
        self._window.sent(client, now)
        return True

    def stop(self, address: Address, *, now: bool) -> bool | None:
        """Sends a stop, behind the last frame that was sent or at once; False where nobody is."""
        is_covered = self._channels.control.covers(address.topic)
        if not is_covered and self._may_join():
            return None
        self._last_frames.forget(address.topic)
        if is_covered:
            last = None if now else self._numbers.last(address)
            stop = Stop(address, last, None if last is None else self.id)
            return self._stopping.send(stop, self._clock())
        return False

    def stopped(self) -> bool | None:
        """Tells that all whom a stop means are ended; None while one may have to be sent again."""
        return self._stopping.is_over or None

    def watched(self, stream: str) -> int | None:
        """Returns how many clients watch a stream; None where none does."""
        self._follow(stream)
        return self.audience.connections(stream) or None

    def gone(self, client: str) -> bool | None:
        """Tells that a client that was there has left; None while it is there."""
        return self.audience.find(client) is None or None

    # For the verbs.

    def frame(
        self,
        address: Address,
        body: Body,
        content_type: str | None,
        headers: Mapping[str, str] | None,
        time_ns: int | None,
    ) -> Frame:
        """Returns a frame that is not numbered yet.

        Raises:
            TypeError: for a body that is not bytes.
            ValueError: for what the wire does not allow.

        """
        # The last frame is kept: what the caller makes of its map later is not for that.
        own = dict(headers) if isinstance(headers, Mapping) else headers or {}
        return Frame(address, as_bytes(body), content_type, own, time_ns)

    def follow(self, stream: str | None) -> Follower:
        """Begins to follow the events of a stream, or of all: first those who are there."""
        if stream is not None:
            check_stream_name(stream)
        follower = Follower(stream)
        self._begin(follower, stream)
        return follower

    def arrivals(self, stream: str) -> Arrivals:
        """Begins to follow the clients of a stream: first those who are there."""
        arrivals = Arrivals(check_stream_name(stream))
        self._begin(arrivals, stream)
        return arrivals

    # Within.

    def _may_join(self) -> bool:
        """Tells whether subscriptions to stops may still be on their way."""
        now = self._clock()
        return self._joining.is_under_way(now) or self._straggler.is_awaited(now)

    def _look_at_subscriptions(self, now: float, changes: set[str]) -> None:
        subscriptions = self._channels.look()
        self._joining.note(now, joined=self._channels.shared.is_joined)
        missing = self._channels.shared.is_joined and not self._channels.control.is_joined
        self._straggler.note(now, missing=missing)
        for topic in subscriptions.new:
            self._last_frames.subscribed(subscribed_prefix(topic))
        for topic in subscriptions.parted:
            node = node_of_subscription(topic)
            self._window.forget_node(node)
            self.audience.part(node)
        if subscriptions.changed or self._was_refused:
            self._was_refused = False
            changes.add(EVERYTHING)

    def _send_again(self, now: float) -> None:
        """Sends the last frames of streams to those who have subscribed since."""
        shared = self._channels.shared
        for frame in self._last_frames.due(now, shared.covers):
            sent = self._send(shared, replace(frame, retained=True))
            if sent is not None:
                self._last_frames.keep(sent, now)

    def _send(self, channel: Outgoing, frame: Frame) -> Frame | None:
        """Numbers a new frame and sends it; returns it as sent, or None where there is no room."""
        address = frame.address
        number = self._numbers.next(address) if frame.seq is None else frame.seq
        published = (frame.body, frame.content_type, frame.headers, frame.time)
        numbered = Frame(address, *published, number, self.id, frame.retained)
        if not channel.send(encode(numbered)):
            return None
        if frame.seq is None:
            self._numbers.sent(address)
        return numbered

    def _begin(self, follower: Follower | Arrivals, stream: str | None) -> None:
        for name in self.audience.streams if stream is None else [stream]:
            for event in opened(name, self.audience.clients(name)):
                follower.offer(event)
        self._followers.add(follower)
        self._follow(stream)

    def _search(self, client: str, since: float) -> None:
        """Looks for a client on all nodes; raises ClientGone where it has left, or is nowhere."""
        began = self._interest.all_since
        searched_s = 0.0 if began is None else self._clock() - max(since, began)
        self._departures.check(client, searched_s)
        self._follow(None)

    def _follow(self, stream: str | None) -> None:
        self._interest.ask(stream, self._clock())

    def _has_follower(self, stream: str) -> bool:
        return any(each.stream == stream for each in self._followers)

    def _tell(self, events: Iterable[Event], changes: set[str]) -> None:
        """Notes what has happened, and tells the followers."""
        for event in self._totals.over_nodes(events):
            changes.add(ANY_EVENT)
            changes.update(subjects(event))
            self._departures.note(event)
            self._stopping.note(event)
            match event:
                case Credit():
                    changes.update(self._window.credit(event, self._clock()))
                case ClosedConnection():
                    changes.update(self._window.forget(event.client))
            for follower in self._followers:
                follower.offer(event)
