"""Who watches what: routes parts to clients and says what happened. No I/O, no clock.

The shell passes the time in (`now`, seconds of a monotonic clock), takes events out through
`notify`, and calls `work` until none is left: a fan-out to thousands of clients is done in
slices, so that it never holds up the event loop.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import count

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
    Stop,
    StreamEvent,
    event_type,
    parse_topic,
)
from streamer.configuration.settings import StreamSettings
from streamer.fanout.backlog import every_part
from streamer.fanout.client import Client
from streamer.fanout.flow import Outlet
from streamer.fanout.part import Part
from streamer.fanout.slices import FanOut
from streamer.fanout.stops import Ended
from streamer.fanout.stream import Stream
from streamer.fanout.streams import Bounds, LimitReachedError, Streams, UnknownStreamError
from streamer.fanout.targets import Targets
from streamer.fanout.upkeep import Upkeep
from streamer.fanout.viewer import Viewer


class Hub:
    """The streams of this node and who watches them.

    Args:
        node: id of this node.
        token: boundary of all its responses.
        settings_of: the settings of a stream by name; None for one that is not allowed.
        notify: takes each connection event as it happens.
        bounds: how many clients and streams there may be.

    Attributes:
        token: that boundary.
        streams: the streams of this node.
        upkeep: what is to be done from time to time.
        max_clients: how many clients there may be.
        undeliverable: frames for one client that had left.
        refused_clients: clients that were refused at `max_clients` or `max_streams`.

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
        self.streams = Streams(token, settings_of, bounds.max_streams)
        self._notify_all = notify
        self.max_clients = bounds.max_clients
        self._open = True
        self._clients: dict[str, Viewer] = {}
        self._targets = Targets(self._clients)
        self._numbers = count(1)
        self._fanout = FanOut()
        self.upkeep = Upkeep(self.streams, self._targets, self._fanout, self._end)
        self.undeliverable = 0
        self.refused_clients = 0

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
        stream = self.streams.known(name)
        client_id = self.new_client_id()
        client = Client(
            client_id,
            name,
            outlet,
            stream.limits,
            stream.totals,
            peer=peer,
            query=query,
            joined_at=now,
            advance=advance,
            on_credit=self.credits(stream, client_id),
        )
        self.add(client)
        return client

    def admit(self, name: str) -> None:
        """Tells whether one more client may join a stream.

        Raises:
            UnknownStreamError: where the name is none, or not allowed.
            LimitReachedError: at `max_clients` or `max_streams`, and at the end.

        """
        if not self._open:
            raise LimitReachedError("shutting down")
        try:
            self._make_sure_of_room(name)
        except LimitReachedError:
            self.refused_clients += 1
            raise

    def _make_sure_of_room(self, name: str) -> None:
        if len(self._clients) >= self.max_clients:
            raise LimitReachedError(f"max_clients = {self.max_clients} is reached")
        self.streams.of(name)

    def new_client_id(self) -> str:
        """Returns an id that was never used."""
        return f"{self._node}-{next(self._numbers)}"

    def credits(self, stream: Stream, client_id: str) -> Callable[[int], None] | None:
        """Returns what tells producers how many parts of a client count no more.

        None where no producer counts them.
        """
        if stream.limits.overload is not Overload.QUEUE:
            return None

        def credit(delivered: int) -> None:
            self._notify_all(Credit(stream.name, client_id, delivered))

        return credit

    def add(self, client: Viewer) -> None:
        """Adds a viewer of any kind to its stream and says so."""
        stream = self.streams.known(client.stream)
        self._fanout.settle()  # what comes from now on is for this client too
        self._clients[client.id] = stream.clients[client.id] = client
        stream.rows.add(client, self._fanout.passes)
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
        self._targets.forget(client.id)
        stream = self.streams.known(client.stream)
        del stream.clients[client.id]
        stream.rows.remove(client)
        self._notify(stream, stream.closed(client, client.ending or reason, now))
        if not stream.clients:
            self._notify(stream, NoConnection(stream.name))

    def close(self) -> None:
        """Admits nobody any more; those who are there stay."""
        self._open = False

    def finish_all(self, reason: CloseReason) -> None:
        """Ends every client in good order, what waits dropped, and admits nobody any more."""
        self.close()
        self._finish(list(self._clients.values()), reason)

    def finish_some(self, number: int, reason: CloseReason) -> None:
        """Ends as many clients, chosen by chance, in good order; what waits is dropped."""
        staying = [each for each in self._clients.values() if each.ending is None]
        self._finish(random.sample(staying, min(number, len(staying))), reason)

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
        match message.address, message:
            case AllClients(name), Frame():
                self._frame_for_all(self._published(name), message, now)
            case AllClients(name), Stop():
                self._stop_for_all(name, message, now)
            case OneClient(client_id), _:
                client = self._clients.get(client_id)
                if client is None:
                    self.undeliverable += isinstance(message, Frame)
                else:
                    self._accept_for_one(client, message, now)

    def refuse(self, topic: bytes) -> None:
        """Credits the client whose frame was refused, or its producer would wait for ever.

        Args:
            topic: of the message that was refused; most are for no client that is here.

        """
        try:
            address = parse_topic(topic)
        except MalformedError:
            return
        client = self._clients.get(address.client) if isinstance(address, OneClient) else None
        if client is not None:
            self._refuse(client)

    def _published(self, name: str) -> Stream:
        try:
            return self.streams.of(name)
        except UnknownStreamError as error:
            raise MalformedError(Refusal.NOT_ALLOWED, str(error)) from error
        except LimitReachedError as error:
            raise MalformedError(Refusal.TOO_MANY_STREAMS, str(error)) from error

    def _frame_for_all(self, stream: Stream, frame: Frame, now: float) -> None:
        if frame.retained and stream.has_had(frame):
            return
        part = stream.encoder.encode(frame)
        self.streams.keep(stream)
        for ended in stream.stops.before(frame):
            self._end(stream, ended)
        stream.arrived(part, now)
        self._fanout.carry(stream, part)
        for ended in stream.stops.behind():
            self._end(stream, ended)

    def _stop_for_all(self, name: str, stop: Stop, now: float) -> None:
        stream = self.streams.get(name)
        if stream is None and stop.seq is not None:
            # It has overtaken the first frames.
            stream = self._published(name)
            self.streams.keep(stream)
        if stream is not None:
            for ended in stream.stops.stop(stop, now):
                self._end(stream, ended)

    def _accept_for_one(self, client: Viewer, message: Message, now: float) -> None:
        part = self._part_for_one(client, message, now) if isinstance(message, Frame) else None
        self._in_turn(lambda: self._target(client, message, part, now))

    def _refuse(self, client: Viewer) -> None:
        """Counts a frame that was refused, behind those that came before."""

        def refuse() -> None:
            if client.id in self._clients:  # it has not left meanwhile
                self._targets.refuse(client)

        self._in_turn(refuse)

    def _in_turn(self, do: Callable[[], None]) -> None:
        """Does something behind the work that waits."""
        if not self._fanout:
            do()
            return

        def later() -> Iterator[None]:
            do()
            yield

        self._fanout.add(later())

    def _part_for_one(self, client: Viewer, frame: Frame, now: float) -> Part:
        stream = self.streams.known(client.stream)
        try:
            part = stream.encoder.encode(frame)
        except MalformedError:
            self._refuse(client)
            raise
        part.targeted = True
        stream.arrived(part, now)
        return part

    def _target(self, client: Viewer, message: Message, part: Part | None, now: float) -> None:
        """Carries a message to the one client it is for."""
        if client.id not in self._clients:
            self.undeliverable += isinstance(message, Frame)
            return
        if isinstance(message, Stop):
            self._targets.stop(client, message, now)
        elif part is not None:
            self._targets.offer(client, message, part)

    def _end(self, stream: Stream, ended: Ended) -> None:
        stream.end(ended)
        meant = [each for each in stream.clients.values() if ended.means(each.joined_at)]
        self._finish(meant, CloseReason.STOP, ended.cuts)

    def _finish(
        self,
        clients: list[Viewer],
        reason: CloseReason,
        cuts: Callable[[Part], bool] = every_part,
    ) -> None:
        def finish(client: Viewer) -> None:
            if client.id in self._clients:  # it has not left meanwhile
                client.finish(reason, cuts)

        self._fanout.each(clients, finish)

    # Work, in slices.

    def work(self) -> bool:
        """Does one slice of what is to be done; returns whether there is more."""
        return self._fanout.work()

    @property
    def working(self) -> bool:
        """Whether there is work to be done."""
        return bool(self._fanout)

    # Events.

    def _notify(self, stream: Stream, event: StreamEvent) -> None:
        if event_type(event) in stream.settings.events:
            self._notify_all(event)
