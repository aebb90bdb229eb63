"""What one viewer may still get: the policy between a stream's parts and a socket.

A client is offered every part of its stream and never waited for. While it is idle, a part
goes straight to its socket. What its socket does not take at once waits here, bounded in
bytes, and is written when the shell reports room (`resume`). No socket, clock or task in
here: the bytes leave through an `Outlet`.

Under `latest` a client may have `client_buffer_bytes` waiting, the kernel's send buffer
included. A part that does not fit is held, and replaced by each newer one: the client is
*behind*. A client that is behind gets the newest part only when the kernel has nearly sent
the one before (its socket reports room only then), so that what it sees is at most about two
of its own part times old, however slow it is. It has caught up when a part finds nothing
unsent.

Under `queue` parts wait in a queue; one that overflows ends the client.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from protocol import CloseReason, Overload
from streamer.fanout.backlog import Backlog, every_part
from streamer.fanout.delivery import Delivery
from streamer.fanout.flow import Flow, Outlet
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch, Part
from streamer.fanout.totals import Totals

if TYPE_CHECKING:
    from streamer.fanout.row import Row
    from streamer.fanout.rows import Rows


class Client:
    """One viewer of a stream.

    Attributes:
        id: client id, unique and never reused.
        stream: name of the stream.
        peer: the viewer's address.
        query: the request's query.
        joined_at: when it came, seconds of the caller's clock.
        limits: how much may wait for it.
        repeated_at: when it got its last repeat, seconds of the caller's clock.
        ending: why its response is being ended, or None.
        served_in: number of the last pass that brought it a part.
        place: of its seat in a row, where it has one.

    Args:
        totals: count what all clients of the stream have got.
        advance: whether the header block of the next part is sent in advance, as browsers
            want it.
        on_credit: called where a part for this client alone was delivered, or never will be,
            with the parts that no longer count against its producer's window.

    """

    __slots__ = (
        "_backlog",
        "_behind",
        "_closing",
        "_delivery",
        "_flow",
        "_idle",
        "_outlet",
        "_row",
        "ending",
        "id",
        "joined_at",
        "limits",
        "peer",
        "place",
        "query",
        "repeated_at",
        "served_in",
        "stream",
    )

    def __init__(
        self,
        client_id: str,
        stream: str,
        outlet: Outlet,
        limits: Limits,
        totals: Totals,
        *,
        peer: str = "",
        query: Mapping[str, str],
        joined_at: float = 0.0,
        advance: bool = False,
        on_credit: Callable[[int], None] | None = None,
    ) -> None:
        self.id = client_id
        self.stream = stream
        self.peer = peer
        self.query = query
        self.joined_at = joined_at
        self.limits = limits
        self.repeated_at = -math.inf
        self.ending: CloseReason | None = None
        self.served_in = 0
        self.place = 0
        self._row: Row | None = None
        self._outlet = outlet
        self._flow = Flow(outlet, limits.bound, joined_at)
        self._delivery = Delivery(self._flow, totals, advance=advance, on_credit=on_credit)
        self._backlog = Backlog()
        self._idle = True  # nothing waits and the next part may be written at once
        self._behind = False
        self._closing = False  # whether the closing delimiter is under way

    @property
    def parts(self) -> int:
        """Parts delivered, that is, taken by its socket to the last byte."""
        return self._delivery.parts + (0 if self._row is None else self._row.parts)

    @property
    def payload_bytes(self) -> int:
        """Payload bytes of those parts."""
        return self._delivery.bytes + (0 if self._row is None else self._row.bytes)

    @property
    def skipped(self) -> int:
        """Parts that were offered and will not be delivered."""
        return self._delivery.skipped

    @property
    def repeats(self) -> int:
        """Repeated parts delivered, counted in none of the others."""
        return self._delivery.repeats

    @property
    def delivered(self) -> int:
        """Parts that no longer count against a producer's window."""
        return self._delivery.settled + (0 if self._row is None else self._row.parts)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the client and the next part may be written at once."""
        return self._idle

    @property
    def behind(self) -> bool:
        """Whether the client was too slow and gets only the newest parts."""
        return self._behind

    def begin(self, head: bytes) -> None:
        """Writes the head of the response, up to and with the first delimiter."""
        self._idle = self._flow.write(head)

    def offer(self, load: Part | Batch, /) -> None:
        """Hands over a part without waiting: written, kept for later, or skipped.

        Parts that came together leave in one write, where the client is idle and has room. An
        outlet that is written to alone gets each by itself: over TLS, what a write could not
        send has to be written again whole, and a rest here ends with its part.
        """
        self.stand()
        alone = len(load.parts) > 1 and self._outlet.together is None
        wire = self._delivery.form(load) if self._idle and not alone else b""
        if wire and self._flow.has_room(len(wire)):
            self._put(load, wire)
        else:
            for part in load.parts:
                self._offer_one(part)

    def _offer_one(self, part: Part) -> None:
        if not self._idle:
            self._wait(part)
            return
        wire = self._delivery.form(part)
        if not wire:
            self._delivery.refuse()
        elif self._flow.fits(len(wire)):
            self._put(part, wire)
        else:
            self._fall_behind(part)

    def _put(self, load: Part | Batch, wire: bytes) -> None:
        waiting = self._delivery.put(load, wire)
        self._idle = not self._flow.busy
        for part in waiting:
            self._wait(part)

    def repeat(self, part: Part, now: float) -> None:
        """Writes a part that was delivered before, where that holds nothing else up."""
        self.stand()
        if not self._idle and not self._catch_up():
            return
        self.repeated_at = now
        wire = self._delivery.form(part)
        if wire and self._flow.has_room(len(wire)):
            self._idle = self._delivery.repeat(part, wire)

    def resume(self) -> bool:
        """Writes what waits, when there is room; returns whether more room is needed."""
        taken = self._delivery.resume()
        while taken:
            if self._closing:
                self._outlet.end()
                return False
            following = self._next()
            if following is not None:
                taken = self._delivery.start(*following)
            elif self.ending is None:
                self._idle = not self._behind
                return False
            else:
                self._closing = True
                taken = self._delivery.close()
        return True

    def _next(self) -> tuple[Part, bytes] | None:
        """Takes out the next part that the client can be shown, and its form; None for none."""
        while (part := self._backlog.next()) is not None:
            wire = self._delivery.form(part)
            if wire:
                return part, wire
            self._delivery.refuse()
        return None

    def finish(self, reason: CloseReason, cuts: Callable[[Part], bool] = every_part, /) -> None:
        """Ends the response: the part under way to its end, then the closing delimiter.

        Args:
            reason: why it ends.
            cuts: tells which of the parts that still wait are dropped; the others go first.

        """
        self.stand()
        self._delivery.skip(self._backlog.drop(cuts))
        if self.ending is None:
            self.ending = reason
            self._idle = False
            if not self._flow.busy:
                self.resume()

    def abort(self, reason: CloseReason) -> None:
        """Ends the connection at once, the part under way torn."""
        self.stand()
        self.ending = self.ending or reason
        self._idle = False
        self._delivery.skip(self._backlog.drop())
        self._delivery.tear()
        self._outlet.abort()

    def stalled(self, now: float, timeout_s: float) -> bool:
        """Tells whether the client has accepted nothing of what waits for `timeout_s`."""
        return self._flow.stalled(now, timeout_s, 0 if self._row is None else self._row.written)

    def refuse(self) -> None:
        """Counts a part that this client cannot be shown; no producer waits for it."""
        self.stand()
        self._delivery.refuse()

    # In step with others.

    def sit(self, rows: Rows, last: Part, /) -> None:
        """Takes a seat among those who are in step, where it is one of them.

        Args:
            rows: has the seats.
            last: the part that it has just had.

        """
        together, advance = self._outlet.together, self._delivery.in_advance
        if together is None or not self._idle:
            return
        if advance and not last.is_image:
            return  # it was not shown that one
        row = rows.row_for(together, last, self.served_in, advance=advance)
        rows.sits(self)
        self.place = row.seat(self, self._outlet.handle, self._flow.room)
        self._row = row
        self._delivery.sits(row)

    def stand(self) -> None:
        """Leaves its seat, where it has one."""
        row = self._row
        if row is None:
            return
        self._row = None
        row.leave(self)
        self._delivery.stands(row)

    def took(self, load: Part | Batch, accepted: int) -> None:
        """Notes that its socket took only so many bytes of parts that its row was sent."""
        self._idle = False
        for part in self._delivery.took(load, accepted):
            self._wait(part)

    # Behind, and caught up again.

    def _fall_behind(self, part: Part) -> None:
        self._idle = False
        self._behind = True
        self._outlet.stay_fresh(True)
        self._hold(part)

    def _hold(self, part: Part) -> None:
        held = self._backlog.held
        behind_image = self._delivery.in_advance and held is not None and held.is_image
        if behind_image and not part.is_image:
            self._delivery.refuse()  # it cannot be shown there
            return
        self._delivery.skip(self._backlog.hold(part))
        self._outlet.resume_later()

    def _catch_up(self) -> bool:
        if not self._behind or self.ending is not None or self._backlog.held:
            return False
        if not self._flow.drained():
            return False
        self._behind = False
        self._idle = True
        self._outlet.stay_fresh(False)
        return True

    # What waits.

    def _wait(self, part: Part) -> None:
        if self.ending is not None:
            return
        if self.limits.overload is Overload.QUEUE:
            self._queue(part)
        elif self._behind:
            if self._catch_up():
                self.offer(part)
            else:
                self._hold(part)
        elif (
            self._flow.waits() + self._backlog.bytes + part.size <= self.limits.client_buffer_bytes
        ):
            self._backlog.append(part)
        else:
            self._fall_behind(part)

    def _queue(self, part: Part) -> None:
        backlog = self._backlog
        within_window = part.targeted and backlog.targeted < self.limits.window
        if within_window or backlog.bytes + part.size <= self.limits.queue_bytes:
            backlog.append(part)
        else:
            self._delivery.skip(1)
            self.abort(CloseReason.OVERFLOW)
