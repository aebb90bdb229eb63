"""Who watches what: routes parts to clients and says what happened. No I/O, no clock.

The shell passes the time in (`now`, seconds of a monotonic clock), takes events out through
`notify`, and calls `work` until none is left: a fan-out to thousands of clients is done in
slices, so that it never holds up the event loop.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from protocol import (
    AllClients,
    CloseReason,
    Credit,
    Frame,
    MalformedError,
    Message,
    NewConnection,
    NoConnection,
    OneClient,
    Overload,
    Refusal,
    Snapshot,
    Stop,
    StreamEvent,
    StreamState,
    event_type,
    is_stream_name,
)
from streamer.client import Client, Outlet
from streamer.part import Batch, Encoder, Part
from streamer.settings import StreamSettings
from streamer.stream import STOP_WAIT_S, Numbering, PendingStop, Stream, StreamStatistics, Viewer

# Clients served between two looks at the clock: 64 writes of 10 us are under 1 ms.
SLICE_CLIENTS: Final = 64
# What is joined into one write. Beyond it a copy costs more than the call that it spares.
BATCH_BYTES: Final = 64 * 1024


class UnknownStreamError(LookupError):
    """No stream can have that name here."""


class LimitReachedError(Exception):
    """One more would be more than a setting allows; `str()` names the setting."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the hub takes on.

    Attributes:
        max_clients: clients at the same time, over all streams.
        max_streams: streams known since the start; each name costs some memory for good.

    """

    max_clients: int
    max_streams: int


@dataclass(slots=True)
class _Target:
    """What is known of the frames for one client alone."""

    numbering: Numbering = field(default_factory=Numbering)
    stopping: PendingStop | None = None


class Hub:
    """The streams of this node and who watches them.

    Args:
        node: id of this node.
        token: boundary of all its responses.
        settings_of: the settings of a stream by name; None for one that is not allowed.
        notify: takes each connection event as it happens.
        bounds: how many clients and streams there may be.

    """

    def __init__(
        self,
        node: str,
        token: str,
        settings_of: Callable[[str], StreamSettings | None],
        notify: Callable[[StreamEvent], None],
        bounds: Bounds,
    ) -> None:
        self._node = node
        self.token = token
        self._settings_of = settings_of
        self._notify_all = notify
        self._bounds = bounds
        self._streams: dict[str, Stream] = {}
        self._clients: dict[str, Viewer] = {}
        self._targets: dict[str, _Target] = {}
        self._numbers = count(1)
        self._work: deque[Iterator[None]] = deque()
        self._gathering: _FanOut | None = None
        self._sweeping = False
        self.undeliverable = 0  # frames for one client that has left

    # Streams.

    def settings(self, name: str) -> StreamSettings:
        """Returns a stream's settings; raises UnknownStreamError."""
        settings = self._settings_of(name) if is_stream_name(name) else None
        if settings is None:
            raise UnknownStreamError(f"no stream {name!r} here")
        return settings

    def stream(self, name: str) -> Stream:
        """Returns the stream of that name, known from now on.

        Raises:
            UnknownStreamError: where the name is none, or not allowed.
            LimitReachedError: at `max_streams`.

        """
        stream = self._streams.get(name)
        if stream is None:
            settings = self.settings(name)
            if len(self._streams) >= self._bounds.max_streams:
                raise LimitReachedError(f"max_streams = {self._bounds.max_streams} is reached")
            encoder = Encoder(self.token, settings.content_type, settings.part_headers)
            stream = self._streams[name] = Stream(name, settings, encoder)
        return stream

    def last(self, name: str) -> Part | None:
        """Returns the newest part of a stream, if there is one."""
        stream = self._streams.get(name)
        return None if stream is None else stream.last

    def statistics(self, now: float) -> dict[str, StreamStatistics]:
        """Returns the figures of every known stream."""
        return {name: each.statistics(now) for name, each in self._streams.items()}

    def states(self, now: float) -> dict[str, StreamState]:
        """Returns every known stream as a heartbeat shows it."""
        return {name: each.state(now) for name, each in self._streams.items()}

    def snapshot(self, name: str) -> Snapshot:
        """Returns who watches a stream, known or not."""
        stream = self._streams.get(name)
        return Snapshot(name, 0, ()) if stream is None else stream.snapshot()

    def watched(self) -> list[str]:
        """Returns the names of the streams that have clients."""
        return [name for name, each in self._streams.items() if each.clients]

    @property
    def connections(self) -> int:
        """Clients over all streams."""
        return len(self._clients)

    # Clients.

    def join(
        self,
        name: str,
        outlet: Outlet,
        *,
        peer: str,
        query: Mapping[str, str],
        advance: bool,
        now: float,
    ) -> Client:
        """Adds a client that was admitted and says so; the caller then begins its response."""
        stream = self.stream(name)
        client = Client(
            self.new_client_id(),
            name,
            outlet,
            stream.limits,
            peer=peer,
            query=query,
            joined_at=now,
            advance=advance,
            on_credit=self._credit if stream.limits.overload is Overload.QUEUE else None,
        )
        self.add(client)
        return client

    def admit(self, name: str) -> None:
        """Tells whether one more client may join a stream.

        Raises:
            UnknownStreamError: where the name is none, or not allowed.
            LimitReachedError: at `max_clients` or `max_streams`.

        """
        self.stream(name)
        if len(self._clients) >= self._bounds.max_clients:
            raise LimitReachedError(f"max_clients = {self._bounds.max_clients} is reached")

    def new_client_id(self) -> str:
        """Returns an id that was never used."""
        return f"{self._node}-{next(self._numbers)}"

    def add(self, client: Viewer) -> None:
        """Adds a viewer of any kind to its stream and says so."""
        stream = self.stream(client.stream)
        self._add_work(None)  # what comes from now on is for this client too
        self._clients[client.id] = stream.clients[client.id] = client
        self._notify(
            stream,
            NewConnection(
                stream.name,
                client.id,
                len(stream.clients),
                client.peer,
                client.query,
                stream.limits.overload,
                stream.window(),
            ),
        )

    def leave(self, client: Viewer, reason: CloseReason, now: float) -> None:
        """Takes a client out and says so; one that has left already is no matter."""
        if self._clients.pop(client.id, None) is None:
            return
        self._targets.pop(client.id, None)
        stream = self._streams[client.stream]
        del stream.clients[client.id]
        stream.removed(client)
        self._notify(stream, stream.closed(client, client.ending or reason, now))
        if not stream.clients:
            self._notify(stream, NoConnection(stream.name))

    def finish_all(self, reason: CloseReason) -> None:
        """Ends every client in good order; what waits is dropped."""
        self._add_work(self._finish(list(self._clients.values()), reason, drop=True))

    def finish_some(self, number: int, reason: CloseReason) -> None:
        """Ends as many clients, chosen by chance, in good order; what waits is dropped."""
        staying = [each for each in self._clients.values() if each.ending is None]
        chosen = random.sample(staying, min(number, len(staying)))
        self._add_work(self._finish(chosen, reason, drop=True))

    def abort_all(self, reason: CloseReason) -> None:
        """Ends every client at once."""
        for client in list(self._clients.values()):
            client.abort(reason)

    # Messages.

    def accept(self, message: Message, now: float) -> None:
        """Takes a message in; `work` then carries it to the clients.

        Raises:
            MalformedError: for a frame that is refused; nothing has happened then.

        """
        match message.address:
            case AllClients(name):
                if isinstance(message, Frame) or name in self._streams:
                    self._accept_for_all(self._published(name), message, now)
            case OneClient(client_id):
                client = self._clients.get(client_id)
                if client is None:
                    self.undeliverable += 1
                else:
                    self._accept_for_one(client, message, now)

    def _published(self, name: str) -> Stream:
        try:
            return self.stream(name)
        except UnknownStreamError as error:
            raise MalformedError(Refusal.NOT_ALLOWED, str(error)) from error
        except LimitReachedError as error:
            raise MalformedError(Refusal.TOO_MANY_STREAMS, str(error)) from error

    def _accept_for_all(self, stream: Stream, message: Message, now: float) -> None:
        if isinstance(message, Stop):
            pending = _pending_stop(message, stream.numbering, now)
            if pending is None:
                self._end(stream, drop=message.seq is None)
            else:
                stream.stopping = pending
            return
        part = stream.encoder.encode(message)
        stopping = stream.stopping
        if stopping is not None and stopping.is_passed_by(message.producer, message.seq):
            self._end(stream, drop=False)
            stopping = None
        stream.numbering.note(message.producer, message.seq)
        stream.arrived(part, now)
        self._carry(stream, part)
        if stopping is not None and stream.numbering.reached(stopping.producer, stopping.seq):
            self._end(stream, drop=False)

    def _accept_for_one(self, client: Viewer, message: Message, now: float) -> None:
        part = None
        if isinstance(message, Frame):
            stream = self._streams[client.stream]
            try:
                part = stream.encoder.encode(message)
            except MalformedError:
                client.refuse()  # or its producer would wait for the credit for ever
                raise
            part.targeted = True
            stream.arrived(part, now)
        if not self.working:
            self._target(client, message, part, now)
        else:  # what came before goes out before

            def later() -> Iterator[None]:
                self._target(client, message, part, now)
                yield

            self._add_work(later())

    def _target(self, client: Viewer, message: Message, part: Part | None, now: float) -> None:
        """Carries a message to the one client it is for."""
        if client.id not in self._clients:
            self.undeliverable += 1
            return
        target = self._targets.setdefault(client.id, _Target())
        if part is None:
            target.stopping = _pending_stop(message, target.numbering, now)
            if target.stopping is None:
                client.finish(CloseReason.STOP, drop=message.seq is None)
            return
        stopping = target.stopping
        if stopping is not None and stopping.is_passed_by(message.producer, message.seq):
            client.finish(CloseReason.STOP, drop=False)
        target.numbering.note(message.producer, message.seq)
        client.offer(part)
        if stopping is not None and target.numbering.reached(stopping.producer, stopping.seq):
            client.finish(CloseReason.STOP, drop=False)

    def _carry(self, stream: Stream, part: Part) -> None:
        if not stream.clients:
            return
        gathering = self._gathering
        if gathering is None or gathering.stream is not stream or not gathering.joined_by(part):
            self._add_work(None)
            self._gathering = _FanOut(stream, part)

    def _add_work(self, work: Iterator[None] | None) -> None:
        """Queues work behind the fan-out that still gathers parts."""
        if self._gathering is not None:
            self._work.append(self._gathering.slices())
            self._gathering = None
        if work is not None:
            self._work.append(work)

    def _end(self, stream: Stream, *, drop: bool) -> None:
        stream.forget()
        clients = list(stream.clients.values())
        self._add_work(self._finish(clients, CloseReason.STOP, drop=drop))

    # Work, in slices.

    def work(self) -> bool:
        """Does one slice of what is to be done; returns whether there is more."""
        self._add_work(None)
        if self._work:
            try:
                next(self._work[0])
            except StopIteration:
                self._work.popleft()
        return bool(self._work)

    @property
    def working(self) -> bool:
        """Whether there is work to be done."""
        return bool(self._work) or self._gathering is not None

    def tick(self, now: float) -> None:
        """Looks after what only time brings; called several times a second."""
        for stream in self._streams.values():
            stream.sample(now)
            if stream.stopping is not None and now >= stream.stopping.deadline:
                self._end(stream, drop=False)
            if stream.clients and stream.repeats(now):
                self._add_work(self._repeat(stream, now))
        for client_id, target in list(self._targets.items()):
            if target.stopping is not None and now >= target.stopping.deadline:
                target.stopping = None
                self._clients[client_id].finish(CloseReason.STOP, drop=False)

    def sweep(self, now: float) -> None:
        """Ends clients that accept nothing; called about once a second."""
        if not self._sweeping:
            self._sweeping = True
            self._add_work(self._sweep(now))

    def _sweep(self, now: float) -> Iterator[None]:
        def look(client: Viewer) -> None:
            timeout_s = self._streams[client.stream].settings.stall_timeout_s
            if client.stalled(now, timeout_s):
                client.abort(CloseReason.STALLED)

        yield from _each(list(self._clients.values()), look)
        self._sweeping = False

    def _repeat(self, stream: Stream, now: float) -> Iterator[None]:
        part = stream.last
        due = [each for each in stream.clients.values() if stream.due_for_repeat(each, now)]
        for rest in _each(due, lambda client: client.repeat(part, now) if part else None):
            yield rest
            if stream.last is not part:
                return

    def _finish(
        self, clients: Sequence[Viewer], reason: CloseReason, *, drop: bool
    ) -> Iterator[None]:
        return _each(clients, lambda client: client.finish(reason, drop=drop))

    # Events.

    def _credit(self, client: Client) -> None:
        self._notify_all(Credit(client.stream, client.id, client.delivered))

    def _notify(self, stream: Stream, event: StreamEvent) -> None:
        if event_type(event) in stream.settings.events:
            self._notify_all(event)


def _pending_stop(stop: Message, numbering: Numbering, now: float) -> PendingStop | None:
    """Returns what a stop has to wait for, or None."""
    if stop.seq is None or numbering.reached(stop.producer, stop.seq):
        return None
    return PendingStop(stop.seq, stop.producer, now + STOP_WAIT_S)


class _FanOut:
    """Carries parts of one stream to the clients it has now, in slices.

    Parts that come before it has begun join it, up to `BATCH_BYTES`: an idle client gets
    them in one write, which is what many small frames cost.
    """

    def __init__(self, stream: Stream, part: Part) -> None:
        self.stream = stream
        self._parts = [part]
        self._bytes = part.size
        self._clients = list(stream.clients.values())

    def joined_by(self, part: Part) -> bool:
        """Takes one more part, where there is room."""
        if self._bytes + part.size > BATCH_BYTES:
            return False
        self._parts.append(part)
        self._bytes += part.size
        return True

    def slices(self) -> Iterator[None]:
        """Offers the parts to each client, and pauses after every slice."""
        clients = self._clients
        if len(self._parts) > 1:
            batch = Batch(self._parts)
            return _each(clients, lambda client: client.offer_batch(batch))
        return _fan_out(self._parts[0], clients)


def _fan_out(part: Part, clients: Sequence[Viewer]) -> Iterator[None]:
    """Offers a part to each client: `_each`, without a call in between."""
    for start in range(0, len(clients), SLICE_CLIENTS):
        for client in clients[start : start + SLICE_CLIENTS]:
            client.offer(part)
        yield


def _each(clients: Sequence[Viewer], do: Callable[[Viewer], None]) -> Iterator[None]:
    """Does something for each client, and pauses after every slice."""
    for start in range(0, len(clients), SLICE_CLIENTS):
        for client in clients[start : start + SLICE_CLIENTS]:
            do(client)
        yield
