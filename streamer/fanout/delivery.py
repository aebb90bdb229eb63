"""What leaves for one client: the part under way, and a count of those that have left. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streamer.fanout.advance import Advance
from streamer.fanout.flow import Flow
from streamer.fanout.part import CLOSING, Batch, Part
from streamer.fanout.totals import Totals

if TYPE_CHECKING:
    from streamer.fanout.row import Row


class Delivery:
    """Writes parts to one client, one behind the other, in the form that it is to see.

    A part is *delivered* when the client's socket has taken its last byte.

    Args:
        flow: takes the bytes.
        totals: count what all clients of the stream have got.
        advance: whether the header block of the next part is sent in advance, as browsers
            want it.
        on_credit: called where a part for this client alone was delivered, or never will be,
            with the parts that no longer count against its producer's window.

    Attributes:
        parts: parts delivered.
        bytes: payload bytes of those parts.
        skipped: parts that were offered and will not be delivered.
        repeats: repeated parts delivered, counted in none of the others.

    """

    __slots__ = (
        "_advance",
        "_current",
        "_flow",
        "_on_credit",
        "_repeating",
        "_totals",
        "_unfit",
        "bytes",
        "parts",
        "repeats",
        "skipped",
    )

    def __init__(
        self,
        flow: Flow,
        totals: Totals,
        *,
        advance: bool,
        on_credit: Callable[[int], None] | None,
    ) -> None:
        self._flow = flow
        self._totals = totals
        self._advance = Advance() if advance else None
        self._on_credit = on_credit
        self._current: Part | None = None  # the part under way
        self._repeating = False  # whether it was delivered before
        self._unfit = 0
        self.parts = self.bytes = self.skipped = self.repeats = 0

    @property
    def in_advance(self) -> bool:
        """Whether header blocks are sent in advance."""
        return self._advance is not None

    @property
    def settled(self) -> int:
        """Parts that no longer count against a producer's window."""
        return self.parts + self._unfit

    def form(self, load: Part | Batch) -> bytes:
        """Returns the bytes of a part, or of parts that came together.

        No bytes where the client cannot be shown it, and where parts have to go one by one.
        """
        return load.plain if self._advance is None else self._advance.form(load)

    # Writing. What was not taken at once is under way.

    def put(self, load: Part | Batch, wire: bytes) -> Sequence[Part]:
        """Writes a part, or parts that came together; returns those that have to wait whole.

        Args:
            load: what is written.
            wire: its form, here and below.

        """
        before = self._flow.written
        if self._flow.write(wire):
            self._count(load)
            return ()
        return self._sort(load.parts, self._flow.written - before)

    def took(self, load: Part | Batch, accepted: int) -> Sequence[Part]:
        """Notes that so many bytes were taken of what was sent to it with others in step.

        Returns those parts that have to wait whole.
        """
        self._flow.took(load.in_step(self.in_advance), accepted)
        return self._sort(load.parts, accepted)

    def start(self, part: Part, wire: bytes) -> bool:
        """Writes a part; returns whether all was taken."""
        self._current = part
        return self._ended(self._flow.write(wire))

    def repeat(self, part: Part, wire: bytes) -> bool:
        """Writes a part that was delivered before; returns whether all was taken."""
        self._repeating = True
        return self.start(part, wire)

    def close(self) -> bool:
        """Writes what ends a body; returns whether all was taken."""
        filling = b"" if self._advance is None else self._advance.last_filling()
        return self._flow.write(filling + CLOSING)

    def resume(self) -> bool:
        """Writes the rest of what is under way; returns whether nothing is any more."""
        return self._ended(self._flow.resume())

    def _ended(self, taken: bool) -> bool:
        if taken and self._current is not None:
            self._finish(self._current)
        return taken

    def _sort(self, parts: Sequence[Part], accepted: int) -> Sequence[Part]:
        """Sorts parts of which only so many bytes were taken: delivered, under way, waiting."""
        for number, part in enumerate(parts[:-1], 1):
            size = len(part.in_step(self.in_advance))
            if accepted < size:
                self._current = part
                self._flow.shorten(size - accepted)
                return parts[number:]
            accepted -= size
            self._count(part)
        self._current = parts[-1]
        return ()

    # Counting.

    def skip(self, parts: int) -> None:
        """Counts parts that will not be delivered."""
        self.skipped += parts
        self._totals.skipped += parts

    def refuse(self) -> None:
        """Counts a part that the client cannot be shown; no producer waits for it."""
        self.skip(1)
        self._unfit += 1
        self._credit()

    def tear(self) -> None:
        """Forgets the part under way, because the connection ends in it."""
        torn = self._current is not None and not self._repeating
        self._current = None
        self.skip(int(torn))

    def sits(self, row: Row) -> None:
        """Leaves it to a row to count what comes now."""
        self.parts -= row.parts
        self.bytes -= row.bytes
        self._flow.written -= row.written

    def stands(self, row: Row) -> None:
        """Takes over what a row has counted since."""
        self.parts += row.parts
        self.bytes += row.bytes
        self._flow.written += row.written
        if self._advance is not None:
            self._advance.shown(row.last)

    def _finish(self, part: Part) -> None:
        self._current = None
        if self._repeating:
            self._repeating = False
            self.repeats += 1
            self._totals.repeats += 1
            self._note(part)
        else:
            self._count(part)

    def _count(self, load: Part | Batch) -> None:
        self.parts += len(load.parts)
        self.bytes += load.payload_bytes
        self._totals.parts += len(load.parts)
        self._totals.bytes += load.payload_bytes
        self._note(load.parts[-1])

    def _note(self, part: Part) -> None:
        if self._advance is not None:
            self._advance.shown(part)
        if part.targeted:
            self._credit()

    def _credit(self) -> None:
        if self._on_credit is not None:
            self._on_credit(self.settled)
