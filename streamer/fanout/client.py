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
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from protocol import CloseReason, Overload
from streamer.fanout.advance import Advance
from streamer.fanout.backlog import Backlog, every_part
from streamer.fanout.flow import Flow, Outlet
from streamer.fanout.limits import Limits
from streamer.fanout.part import CLOSING, Batch, Part
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
        skipped: parts that were offered and will not be delivered.
        repeats: repeated parts delivered, counted in none of the others.
        repeated_at: when it got its last repeat, seconds of the caller's clock.
        ending: why its response is being ended, or None.
        served_in: number of the last pass that brought it a part.
        place: of its seat in a row, where it has one.

    Args:
        totals: count what all clients of the stream have got.
        advance: whether the header block of the next part is sent in advance, as browsers
            want it.
        on_credit: called when a part for this client alone was delivered.

    """

    __slots__ = (
        "_advance",
        "_backlog",
        "_behind",
        "_bytes",
        "_closing",
        "_current",
        "_flow",
        "_idle",
        "_on_credit",
        "_outlet",
        "_parts",
        "_repeating",
        "_row",
        "_totals",
        "_unfit",
        "ending",
        "id",
        "joined_at",
        "limits",
        "peer",
        "place",
        "query",
        "repeated_at",
        "repeats",
        "served_in",
        "skipped",
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
        on_credit: Callable[[Client], None] | None = None,
    ) -> None:
        self.id = client_id
        self.stream = stream
        self.peer = peer
        self.query = query
        self.joined_at = joined_at
        self.limits = limits
        self._parts = 0  # without those of its row
        self._bytes = 0
        self.skipped = 0
        self.repeats = 0
        self.repeated_at = -math.inf
        self.ending: CloseReason | None = None
        self.served_in = 0
        self.place = 0
        self._row: Row | None = None
        self._totals = totals
        self._outlet = outlet
        self._flow = Flow(outlet, limits.bound, joined_at)
        self._backlog = Backlog()
        self._advance = Advance() if advance else None
        self._on_credit = on_credit
        self._idle = True  # nothing waits and the next part may be written at once
        self._behind = False
        self._current: Part | None = None  # the part under way
        self._repeating = False  # whether it was delivered before
        self._closing = False  # whether the closing delimiter is under way
        self._unfit = 0

    @property
    def parts(self) -> int:
        """Parts delivered, that is, taken by its socket to the last byte."""
        return self._parts if self._row is None else self._parts + self._row.parts

    @property
    def payload_bytes(self) -> int:
        """Payload bytes of those parts."""
        return self._bytes if self._row is None else self._bytes + self._row.bytes

    @property
    def delivered(self) -> int:
        """Parts that no longer count against a producer's window."""
        return self.parts + self._unfit

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
        wire = self._form(load) if self._idle and not alone else b""
        if wire and self._flow.has_room(len(wire)):
            self._put(load, wire)
        else:
            for part in load.parts:
                self._offer_one(part)

    def _offer_one(self, part: Part) -> None:
        if not self._idle:
            self._wait(part)
            return
        wire = self._form(part)
        if not wire:
            self.refuse()
        elif self._flow.fits(len(wire)):
            self._put(part, wire)
        else:
            self._fall_behind(part)

    def _put(self, load: Part | Batch, wire: bytes) -> None:
        before = self._flow.written
        if self._flow.write(wire):
            self._count(load)
        else:
            self._idle = False
            self._sort(load.parts, self._flow.written - before)

    def repeat(self, part: Part, now: float) -> None:
        """Writes a part that was delivered before, where that holds nothing else up."""
        self.stand()
        if not self._idle and not self._catch_up():
            return
        self.repeated_at = now
        wire = self._form(part)
        if wire and self._flow.has_room(len(wire)):
            self._repeating = True
            self._current = part
            self._idle = self._flow.write(wire)
            if self._idle:
                self._finish_current()

    def resume(self) -> bool:
        """Writes what waits, when there is room; returns whether more room is needed."""
        more = self._flow.resume()
        while more:
            self._finish_current()
            wire = self._next()
            if wire is None:
                self._idle = self.ending is None and not self._behind
                return False
            more = self._flow.write(wire)
        return True

    def finish(self, reason: CloseReason, cuts: Callable[[Part], bool] = every_part, /) -> None:
        """Ends the response: the part under way to its end, then the closing delimiter.

        Args:
            reason: why it ends.
            cuts: tells which of the parts that still wait are dropped; the others go first.

        """
        self.stand()
        self._skip(self._backlog.drop(cuts))
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
        torn = self._current is not None and not self._repeating
        self._current = None
        self._skip(self._backlog.drop() + torn)
        self._outlet.abort()

    def stalled(self, now: float, timeout_s: float) -> bool:
        """Tells whether the client has accepted nothing of what waits for `timeout_s`."""
        return self._flow.stalled(now, timeout_s, 0 if self._row is None else self._row.written)

    def refuse(self) -> None:
        """Counts a part that this client cannot be shown; no producer waits for it."""
        self._skip(1)
        self._unfit += 1
        self._credit()

    def _credit(self) -> None:
        if self._on_credit is not None:
            self._on_credit(self)

    def _form(self, load: Part | Batch) -> bytes:
        return load.plain if self._advance is None else self._advance.form(load)

    # In step with others.

    def sit(self, rows: Rows, last: Part, /) -> None:
        """Takes a seat among those who are in step, where it is one of them.

        Args:
            rows: has the seats.
            last: the part that it has just had.

        """
        together, advance = self._outlet.together, self._advance
        if together is None or not self._idle:
            return
        if advance is not None and not last.is_image:
            return  # it was not shown that one
        row = rows.row_for(together, last, self.served_in, advance=advance is not None)
        rows.sits(self)
        self.place = row.seat(self, self._outlet.handle, self._flow.room)
        self._row = row
        # What the row counts from now on is the client's too.
        self._parts -= row.parts
        self._bytes -= row.bytes
        self._flow.written -= row.written

    def stand(self) -> None:
        """Leaves its seat, where it has one."""
        row = self._row
        if row is None:
            return
        self._row = None
        row.leave(self)
        self._parts += row.parts
        self._bytes += row.bytes
        self._flow.written += row.written
        if self._advance is not None:
            self._advance.shown(row.last)

    def took(self, load: Part | Batch, accepted: int) -> None:
        """Notes that its socket took only so many bytes of parts that its row was sent."""
        self._idle = False
        self._flow.took(load.in_step(self._advance is not None), accepted)
        self._sort(load.parts, accepted)

    # Behind, and caught up again.

    def _fall_behind(self, part: Part) -> None:
        self._idle = False
        self._behind = True
        self._outlet.stay_fresh(True)
        self._hold(part)

    def _hold(self, part: Part) -> None:
        held = self._backlog.held
        if self._advance is not None and held is not None and held.is_image and not part.is_image:
            self.refuse()  # behind that image it cannot be shown
            return
        self._skip(self._backlog.hold(part))
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
            self._skip(1)
            self.abort(CloseReason.OVERFLOW)

    # What is under way.

    def _next(self) -> bytes | None:
        """Puts the next part, or the end, under way; None where there is nothing."""
        while (part := self._backlog.next()) is not None:
            wire = self._form(part)
            if wire:
                self._current = part
                return wire
            self.refuse()
        if self.ending is None or self._closing:
            return None
        self._closing = True
        return (b"" if self._advance is None else self._advance.last_filling()) + CLOSING

    def _sort(self, parts: Sequence[Part], accepted: int) -> None:
        """Sorts parts of which only so many bytes were taken: delivered, under way, waiting."""
        for number, part in enumerate(parts[:-1], 1):
            size = len(part.in_step(self._advance is not None))
            if accepted < size:
                self._current = part
                self._flow.shorten(size - accepted)
                for waiting in parts[number:]:
                    self._wait(waiting)
                return
            accepted -= size
            self._count(part)
        self._current = parts[-1]

    def _finish_current(self) -> None:
        part, self._current = self._current, None
        if self._closing:
            self._outlet.end()
        if part is not None and self._repeating:
            self._repeating = False
            self.repeats += 1
            self._totals.repeats += 1
            self._note(part)
        elif part is not None:
            self._count(part)

    def _count(self, load: Part | Batch) -> None:
        self._parts += len(load.parts)
        self._bytes += load.payload_bytes
        self._totals.parts += len(load.parts)
        self._totals.bytes += load.payload_bytes
        self._note(load.parts[-1])

    def _skip(self, parts: int) -> None:
        self.skipped += parts
        self._totals.skipped += parts

    def _note(self, part: Part) -> None:
        if self._advance is not None:
            self._advance.shown(part)
        if part.targeted:
            self._credit()
