"""A viewer of one picture: somebody who asked for a snapshot that is not there yet.

It counts as a client while it waits, so that a producer that works on demand learns that a
picture is wanted, and may send it one of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from protocol import CloseReason
from streamer.fanout.backlog import every_part
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch, Part
from streamer.fanout.totals import Totals

if TYPE_CHECKING:
    from streamer.fanout.rows import Rows


class SnapshotViewer:
    """Takes the first part that comes.

    Args:
        client_id: client id, unique and never reused.
        stream: name of the stream.
        limits: the stream's limits; nothing ever waits.
        totals: count what all viewers of the stream have got.
        fresh: whether a picture that is older than the request is not wanted.
        on_end: called once, with the part, or None where the stream ended before.
        on_credit: called where a part for this viewer alone is not taken, with the parts that no
            longer count against its producer's window.

    """

    def __init__(
        self,
        client_id: str,
        stream: str,
        limits: Limits,
        totals: Totals,
        *,
        peer: str,
        query: Mapping[str, str],
        joined_at: float,
        fresh: bool = False,
        on_end: Callable[[Part | None], None],
        on_credit: Callable[[int], None] | None = None,
    ) -> None:
        self.id = client_id
        self.stream = stream
        self.limits = limits
        self.peer = peer
        self.query = query
        self.joined_at = joined_at
        self.parts = 0
        self.payload_bytes = 0
        self.skipped = 0
        self.repeats = 0
        self.repeated_at = -math.inf
        self.ending: CloseReason | None = None
        self.served_in = 0
        self._totals = totals
        self._fresh = fresh
        self._on_end = on_end
        self._on_credit = on_credit
        self._unfit = 0

    @property
    def delivered(self) -> int:
        """Parts that no longer count against a producer's window."""
        return self.parts + self._unfit

    def offer(self, load: Part | Batch, /) -> None:
        """Takes the first part that is wanted, of several the newest; a picture is enough."""
        part = load.parts[-1]
        if self._fresh and part.retained:
            if part.targeted:
                self.refuse()
        elif self.parts == 0 and self.ending is None:
            self.parts = 1
            self.payload_bytes = part.payload_bytes
            self._totals.parts += 1
            self._totals.bytes += part.payload_bytes
            self._on_end(part)

    def repeat(self, part: Part, now: float, /) -> None:
        """Is no news: what is repeated is older than the request."""

    def refuse(self) -> None:
        """Counts a part that was refused; no producer waits for it."""
        self.skipped += 1
        self._totals.skipped += 1
        self._unfit += 1
        if self._on_credit is not None:
            self._on_credit(self.delivered)

    def finish(self, reason: CloseReason, cuts: Callable[[Part], bool] = every_part, /) -> None:
        """Goes on to wait: the next run of a stream that was stopped has pictures too."""
        del cuts
        if reason is not CloseReason.STOP:
            self.abort(reason)

    def abort(self, reason: CloseReason) -> None:
        """Ends the wait, with or without a picture."""
        if self.ending is None:
            self.ending = reason
            if self.parts == 0:
                self._on_end(None)

    def sit(self, rows: Rows, last: Part, /) -> None:
        """Is in step with nobody."""

    def stand(self) -> None:
        """Never has a seat."""

    def stalled(self, now: float, timeout_s: float) -> bool:
        """Is never true: nothing waits for it."""
        del now, timeout_s
        return False
