"""How a part gets to everybody who watches a stream: first to those in step, then one by one.

Who joins stands. Who is idle after a part takes a seat in a row, and leaves it for anything else
than the next part: a socket that is full, a part of its own, the end. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streamer.fanout.flow import Together
from streamer.fanout.part import Batch, Part
from streamer.fanout.row import SEATS, Row
from streamer.fanout.totals import Totals
from streamer.fanout.viewer import Viewer

# Clients served one by one between two looks at the clock: 64 writes of 10 us are under 1 ms.
SLICE_CLIENTS: Final = 64
# Bytes written to them between two looks at the clock: about 5 GB/s leave over loopback, so
# under 1 ms.
SLICE_BYTES: Final = 4 * 1024 * 1024
# A part beyond this goes to each client by itself: next to the copy, nothing else counts.
MOST_TOGETHER_BYTES: Final = 256 * 1024


class Rows:
    """Everybody who watches a stream, by who is in step.

    Parts are carried in passes, which are numbered: a pass is for those who were not served in
    it, nor in a later one.

    Args:
        bound: bytes that may wait for each client; infinite for no bound.
        totals: count what all of them have got.

    """

    def __init__(self, bound: float, totals: Totals) -> None:
        self._bound = bound
        self._totals = totals
        self._rows: list[Row] = []
        self._standing: dict[str, Viewer] = {}

    def add(self, viewer: Viewer, number: int) -> None:
        """Adds a viewer, whom passes up to this number are not for."""
        self.stands(viewer, number)

    def remove(self, viewer: Viewer) -> None:
        """Takes a viewer out."""
        viewer.stand()
        del self._standing[viewer.id]

    def stands(self, viewer: Viewer, number: int) -> None:
        """Puts a viewer among those who are served one by one, from the next pass on."""
        viewer.served_in = number
        self._standing[viewer.id] = viewer

    def sits(self, viewer: Viewer) -> None:
        """Takes a viewer out of those who stand, because a row has it."""
        del self._standing[viewer.id]

    def carry(self, load: Part | Batch, number: int) -> Iterator[None]:
        """Offers parts to everybody, and pauses after every slice of the work.

        Args:
            load: a part, or parts that came together.
            number: of this pass; numbers only grow.

        """
        together = load.size <= MOST_TOGETHER_BYTES
        for row in self._rows.copy():
            if together:
                row.offer(load, number)
            else:
                row.disband()
            yield
        self._rows = [row for row in self._rows if row.taken]  # all of them have had it
        rest = [each for each in self._standing.values() if each.served_in < number]
        slice_clients = max(1, min(SLICE_CLIENTS, SLICE_BYTES // load.size))
        for start in range(0, len(rest), slice_clients):
            for viewer in rest[start : start + slice_clients]:
                self._serve(viewer, load, number)
            yield

    def waiting(self) -> Iterator[Sequence[Viewer]]:
        """Gives those for whom bytes may wait, in slices."""
        for row in self._rows.copy():
            yield row.waiting()
        standing = list(self._standing.values())
        for start in range(0, len(standing), SLICE_CLIENTS):
            some = standing[start : start + SLICE_CLIENTS]
            yield [each for each in some if each.id in self._standing]  # who is still there

    def _serve(self, viewer: Viewer, load: Part | Batch, number: int) -> None:
        if viewer.id not in self._standing:
            return  # it has left meanwhile
        viewer.served_in = number
        viewer.offer(load)
        if load.size <= MOST_TOGETHER_BYTES and viewer.id in self._standing:
            viewer.sit(self, load.parts[-1])

    def row_for(self, together: Together, last: Part, served_in: int, *, advance: bool) -> Row:
        """Returns a row with a free seat for a client that had its last part in this pass."""
        for row in self._rows:
            alike = row.together is together and row.advance is advance
            if alike and row.taken < SEATS:
                return row
        row = Row(
            self,
            together,
            self._bound,
            self._totals,
            advance=advance,
            last=last,
            served_in=served_in,
        )
        self._rows.append(row)
        return row
