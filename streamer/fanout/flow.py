"""Bytes on their way into one client's socket, and how many of them still wait there. No I/O.

The bytes leave through an `Outlet`. What its socket does not take at once is kept here, and
written when the shell reports room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Together(Protocol):
    """Writes to many outlets of one kind in one call, by their handles.

    None of these raises. It does not tell an outlet that its connection has failed: the next
    write to that outlet does.
    """

    def write(self, handles: Sequence[int], wire: bytes, /) -> list[int]:
        """Writes to each without waiting; returns how many bytes each took, -1 where it failed."""

    def unacknowledged(self, handles: Sequence[int], /) -> list[int]:
        """Returns the bytes that each has taken and its peer's system has not acknowledged."""


class Outlet(Protocol):
    """Where a client's bytes go: a socket, as narrow as the policy needs it.

    None of these raises: a connection that fails tells its owner and takes nothing more.
    """

    @property
    def together(self) -> Together | None:
        """What writes to it and others in one call; None where it has to be written to alone."""

    @property
    def handle(self) -> int:
        """By what `together` knows it."""

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


class Flow:
    """One client's bytes.

    Args:
        outlet: takes them.
        bound: bytes that may wait, the system's buffer included; infinite for no bound.
        now: seconds of the caller's clock.

    Attributes:
        written: bytes taken by the outlet so far.
        ceiling: `written` may grow up to here with no need to ask the system what waits.

    """

    __slots__ = ("_accepted", "_accepted_at", "_bound", "_outlet", "_rest", "ceiling", "written")

    def __init__(self, outlet: Outlet, bound: float, now: float) -> None:
        self._outlet = outlet
        self._bound = bound
        self._rest: memoryview | None = None
        self.written = 0
        self.ceiling = bound
        self._accepted = 0
        self._accepted_at = now

    @property
    def busy(self) -> bool:
        """Whether bytes are kept that the socket has not taken."""
        return self._rest is not None

    def write(self, wire: bytes | memoryview) -> bool:
        """Writes bytes; returns whether all were taken, and keeps the rest otherwise."""
        return self.took(wire, self._outlet.write(wire))

    def took(self, wire: bytes | memoryview, accepted: int) -> bool:
        """Notes that so many bytes were taken; returns whether all, and keeps the rest."""
        self.written += accepted
        if accepted == len(wire):
            return True
        self._rest = memoryview(wire)[accepted:]
        self._outlet.resume_later()
        return False

    def resume(self) -> bool:
        """Writes what was kept; returns whether all is taken now."""
        if self._rest is None:
            return True
        accepted = self._outlet.write(self._rest)
        self.written += accepted
        self._rest = self._rest[accepted:] if accepted < len(self._rest) else None
        return self._rest is None

    def shorten(self, size: int) -> None:
        """Keeps no more than the first `size` bytes of what was to be written."""
        if self._rest is not None:
            self._rest = self._rest[:size]

    def has_room(self, size: int) -> bool:
        """Tells whether as many bytes are within the bound."""
        if self.written + size > self.ceiling:
            self._look()
        return self.written + size <= self.ceiling

    def fits(self, size: int) -> bool:
        """Tells whether a part may be written now: an empty client gets one of any size."""
        return self._look() == 0 or self.written + size <= self.ceiling

    def _look(self) -> int:
        """Asks the system what still waits, bytes."""
        unacknowledged = self._outlet.unacknowledged()
        self.ceiling = self.written - unacknowledged + self._bound
        return unacknowledged

    def waits(self) -> int:
        """Returns the bytes that wait, here and in the system."""
        rest = 0 if self._rest is None else len(self._rest)
        return self._outlet.unacknowledged() + rest

    def drained(self) -> bool:
        """Tells whether everything has left this system."""
        return self._rest is None and self._outlet.unsent() == 0

    @property
    def room(self) -> float:
        """Bytes that may be written with no need to ask the system what waits."""
        return self.ceiling - self.written

    def stalled(self, now: float, timeout_s: float, besides: int = 0) -> bool:
        """Tells whether bytes wait and the peer has accepted none for `timeout_s`.

        The time counts from the first look that found as much accepted and something waiting, so
        that looks at a peer for which nothing waits may be left out, but for one over TLS.

        Args:
            now: seconds of the caller's clock.
            timeout_s: how long it may accept nothing, seconds.
            besides: bytes that its outlet has taken and that were not written here.

        """
        unacknowledged = self._outlet.unacknowledged()
        if unacknowledged == 0 and self._rest is None:
            self._accepted_at = now
            return False
        accepted = self.written + besides - unacknowledged
        # It falls over TLS: what is written is counted without the bytes that encryption adds.
        grown = accepted > self._accepted
        self._accepted = accepted
        if grown:
            self._accepted_at = now
        return now - self._accepted_at >= timeout_s
