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
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol import CloseReason, Overload
from streamer.part import CLOSING, Batch, Part


class Outlet(Protocol):
    """Where a client's bytes go: a socket, as narrow as the policy needs it.

    None of these raises: a connection that fails tells its owner and takes nothing more.
    """

    def write(self, wire: bytes | memoryview, /) -> int:
        """Takes bytes without waiting; returns how many were taken."""

    def unacknowledged(self) -> int:
        """Returns the bytes taken that the peer's system has not acknowledged."""

    def unsent(self) -> int:
        """Returns the bytes taken that have not left this system."""

    def stay_fresh(self, on: bool, /) -> None:
        """Says whether room is to be reported only when nearly nothing is unsent."""

    def resume_later(self) -> None:
        """Asks that `Client.resume` be called when there is room."""

    def end(self) -> None:
        """Says that everything was written and the response ends."""

    def abort(self) -> None:
        """Ends the connection at once, whatever waits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait for one client.

    Attributes:
        overload: what happens to a client that cannot keep up.
        client_buffer_bytes: under `latest`, bytes that may wait, kernel included.
        queue_bytes: under `queue`, bytes that may wait here, behind the kernel's buffer.
        window: under `queue`, targeted parts that may wait whatever their size.

    """

    overload: Overload = Overload.LATEST
    client_buffer_bytes: int = 262_144
    queue_bytes: int = 8_388_608
    window: int = 16


class Client:
    """One viewer of a stream.

    Attributes:
        id: client id, unique and never reused.
        stream: name of the stream.
        peer: the viewer's address.
        query: the request's query.
        joined_at: when it came, seconds of the caller's clock.
        limits: how much may wait for it.
        parts: parts delivered, that is, taken by its socket to the last byte.
        bytes: payload bytes of those parts.
        skipped: parts that were offered and will not be delivered.
        repeats: repeated parts delivered, counted in none of the others.
        repeated_at: when it got its last repeat, seconds of the caller's clock.
        ending: why its response is being ended, or None.

    Args:
        advance: whether the header block of the next part is sent in advance, as browsers
            want it.
        on_credit: called when a part for this client alone was delivered.

    """

    __slots__ = (
        "_advance",
        "_behind",
        "_ceiling",
        "_closing",
        "_current",
        "_held",
        "_idle",
        "_last",
        "_on_credit",
        "_open",
        "_outlet",
        "_repeating",
        "_rest",
        "_taken",
        "_taken_at",
        "_unfit",
        "_waiting",
        "_waiting_bytes",
        "_write",
        "_written",
        "bytes",
        "ending",
        "id",
        "joined_at",
        "limits",
        "parts",
        "peer",
        "query",
        "repeated_at",
        "repeats",
        "skipped",
        "stream",
    )

    def __init__(
        self,
        client_id: str,
        stream: str,
        outlet: Outlet,
        limits: Limits,
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
        self.parts = 0
        self.bytes = 0
        self.skipped = 0
        self.repeats = 0
        self.repeated_at = -math.inf
        self.ending: CloseReason | None = None
        self._outlet = outlet
        self._write = outlet.write
        self._on_credit = on_credit
        self._advance = advance
        self._open = False  # whether the header block of the coming part is out already
        self._last: Part | None = None  # what fills an open part at the end
        self._idle = True  # nothing waits and the next part may be written at once
        self._behind = False
        self._written = 0
        # `_written` may grow up to here with no need to ask the system what it still holds.
        latest = limits.overload is Overload.LATEST
        self._ceiling: float = limits.client_buffer_bytes if latest else math.inf
        self._rest: memoryview | None = None  # of the part under way
        self._current: Part | None = None  # the part under way
        self._repeating = False
        self._waiting: deque[Part] | None = None
        self._waiting_bytes = 0
        self._held: Part | None = None  # the newest part, for a client that is behind
        self._closing = False  # the closing delimiter is under way
        self._unfit = 0
        self._taken = 0
        self._taken_at = joined_at

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
        accepted = self._write(head)
        self._written += accepted
        if accepted < len(head):
            self._rest = memoryview(head)[accepted:]
            self._idle = False
            self._outlet.resume_later()

    def offer(self, part: Part) -> None:
        """Hands over a part without waiting: written, kept for later, or skipped."""
        if not self._idle:
            self._wait(part)
            return
        wire = self._form(part) if self._advance else part.plain
        if wire is None:
            self.refuse()
            return
        written = self._written + len(wire)
        if written > self._ceiling and not self._fits(len(wire)):
            self._fall_behind(part)
            return
        accepted = self._write(wire)
        if accepted == len(wire):
            self._written = written
            self.parts += 1
            self.bytes += part.payload_bytes
            if self._advance:
                self._shown(part)
            if part.targeted:
                self._credit()
        else:
            self._start(part, wire, accepted)

    def offer_batch(self, batch: Batch) -> None:
        """Hands over parts that came together: in one write where the client is idle."""
        parts = batch.parts
        wire = b""
        if self._idle:
            wire = batch.plain if not self._advance else batch.filling if self._open else b""
        written = self._written + len(wire)
        if not wire or (written > self._ceiling and not self._fits(len(wire))):
            for part in parts:
                self.offer(part)
            return
        accepted = self._write(wire)
        if accepted == len(wire):
            self._written = written
            self.parts += len(parts)
            self.bytes += batch.payload_bytes
            if self._advance:
                self._shown(parts[-1])
        else:
            self._start_batch(parts, accepted)

    def repeat(self, part: Part, now: float) -> None:
        """Writes a part that was delivered before, where that holds nothing else up."""
        if not self._idle and not self._catch_up():
            return
        self.repeated_at = now
        wire = self._form(part)
        if wire is None or (
            self._written + len(wire) > self._ceiling and not self._fits(len(wire))
        ):
            return
        self._repeating = True
        self._start(part, wire, self._write(wire))

    def resume(self) -> bool:
        """Writes what waits, when there is room; returns whether more room is needed."""
        while True:
            if self._rest is not None:
                accepted = self._write(self._rest)
                self._written += accepted
                if accepted < len(self._rest):
                    self._rest = self._rest[accepted:]
                    return True
                self._finish_current()
            if self._closing:
                return False
            if not self._take_next():
                break
        self._idle = not self._behind
        return False

    def finish(self, reason: CloseReason, *, drop: bool) -> None:
        """Ends the response: the part under way to its end, then the closing delimiter.

        Args:
            reason: why it ends.
            drop: whether the parts that still wait are dropped, or delivered before the end.

        """
        if self.ending is not None:
            return
        self.ending = reason
        self._idle = False
        if drop:
            self._drop_waiting()
        if self._rest is not None or self.resume():
            self._outlet.resume_later()

    def abort(self, reason: CloseReason) -> None:
        """Ends the connection at once, the part under way torn."""
        self.ending = self.ending or reason
        self._idle = False
        self._drop_waiting()
        self._outlet.abort()

    def stalled(self, now: float, timeout_s: float) -> bool:
        """Tells whether the client has accepted nothing of what waits for `timeout_s`."""
        unacknowledged = self._outlet.unacknowledged()
        taken = self._written - unacknowledged
        nothing_waits = unacknowledged == 0 and self._rest is None
        if nothing_waits or taken != self._taken:
            self._taken = taken
            self._taken_at = now
            return False
        return now - self._taken_at >= timeout_s

    # What a part looks like to this client.

    def _form(self, part: Part) -> bytes | None:
        if not self._advance:
            return part.plain
        if self._open:
            return part.filling if part.is_image else None
        return part.opening if part.is_image else part.plain

    def _shown(self, part: Part) -> None:
        self._last = part
        self._open = part.is_image

    def refuse(self) -> None:
        """Counts a part that this client cannot be shown; no producer waits for it."""
        self.skipped += 1
        self._unfit += 1
        if self._on_credit is not None:
            self._on_credit(self)

    def _credit(self) -> None:
        if self._on_credit is not None:
            self._on_credit(self)

    # Room.

    def _fits(self, size: int) -> bool:
        """Asks the system what it still holds; an empty client may get a part of any size."""
        unacknowledged = self._outlet.unacknowledged()
        self._ceiling = self._written - unacknowledged + self.limits.client_buffer_bytes
        return unacknowledged == 0 or self._written + size <= self._ceiling

    def _fall_behind(self, part: Part) -> None:
        self._idle = False
        self._behind = True
        self._outlet.stay_fresh(True)
        self._hold(part)

    def _catch_up(self) -> bool:
        if (
            not self._behind
            or self.ending is not None
            or self._rest is not None
            or self._held is not None
            or self._outlet.unsent() > 0
        ):
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
        elif self._waits() + part.size <= self.limits.client_buffer_bytes:
            self._append(part)
        else:
            self._fall_behind(part)

    def _waits(self) -> int:
        rest = 0 if self._rest is None else len(self._rest)
        return self._outlet.unacknowledged() + rest + self._waiting_bytes

    def _hold(self, part: Part) -> None:
        if self._held is not None:
            self.skipped += 1
        self._held = part
        self._outlet.resume_later()

    def _queue(self, part: Part) -> None:
        waiting = 0 if self._waiting is None else len(self._waiting)
        within_window = part.targeted and waiting < self.limits.window
        if within_window or self._waiting_bytes + part.size <= self.limits.queue_bytes:
            self._append(part)
        else:
            self.skipped += 1
            self.abort(CloseReason.OVERFLOW)

    def _append(self, part: Part) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(part)
        self._waiting_bytes += part.size

    def _drop_waiting(self) -> None:
        self.skipped += (len(self._waiting) if self._waiting else 0) + (self._held is not None)
        self._waiting = None
        self._waiting_bytes = 0
        self._held = None

    # The part under way.

    def _start(self, part: Part, wire: bytes, accepted: int) -> None:
        self._current = part
        self._written += accepted
        if accepted == len(wire):
            self._finish_current()
        else:
            self._rest = memoryview(wire)[accepted:]
            self._idle = False
            self._outlet.resume_later()

    def _start_batch(self, parts: Sequence[Part], accepted: int) -> None:
        """Accounts for a batch of which only some bytes were taken."""
        for part in parts:
            if not self._idle:
                self._wait(part)
                continue
            wire = part.filling if self._advance else part.plain
            self._start(part, wire, min(accepted, len(wire)))
            accepted -= min(accepted, len(wire))

    def _finish_current(self) -> None:
        part = self._current
        self._rest = None
        self._current = None
        if self._closing:
            self._outlet.end()
        if part is None:
            return
        if self._repeating:
            self._repeating = False
            self.repeats += 1
        else:
            self.parts += 1
            self.bytes += part.payload_bytes
        if self._advance:
            self._shown(part)
        if part.targeted:
            self._credit()

    def _take_next(self) -> bool:
        """Puts the next bytes under way; returns False where there are none."""
        while (part := self._next_part()) is not None:
            wire = self._form(part)
            if wire is not None:
                self._current = part
                self._rest = memoryview(wire)
                return True
            self.refuse()
        if self.ending is None:
            return False
        self._closing = True
        fill = self._last.last_filling if self._open and self._last is not None else b""
        self._rest = memoryview(fill + CLOSING)
        return True

    def _next_part(self) -> Part | None:
        if self._waiting:
            first = self._waiting.popleft()
            self._waiting_bytes -= first.size
            return first
        newest, self._held = self._held, None
        return newest
