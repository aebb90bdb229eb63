"""Clients in step: what one of them got, all got, and what comes next goes to all in one pass.

From one part to the next a client's own objects grow cold: the copies of a picture to a hundred
sockets drive them out of the processor's caches, and to look at a dozen of them costs a good part
of what the copy costs. So the clients that keep up sit in rows. A row has the handles of their
sockets side by side, counts once for all of them, and turns to a single client only where its
socket did not take all. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Final

from streamer.fanout.flow import Together
from streamer.fanout.part import Batch, Part
from streamer.fanout.totals import Totals

if TYPE_CHECKING:
    from streamer.fanout.client import Client
    from streamer.fanout.rows import Rows

# Clients of one pass. With 256 KiB, the most that goes out together, a pass takes about
# 3 ms at the 5 GB/s that leave over loopback.
SEATS: Final = 64


class Row:
    """Up to `SEATS` clients of a stream who are idle, and have had the same parts.

    Attributes:
        advance: whether they have an open part, which an image fills.
        parts: parts that all of them were sent since the row is there.
        bytes: payload bytes of those parts.
        written: bytes of those parts on the wire.
        last: the newest part that they have had.
        served_in: number of the pass that brought it.

    Args:
        rows: where a client goes that leaves its seat.
        together: writes to their outlets.
        bound: bytes that may wait for each client; infinite for no bound.
        totals: count what all clients of the stream have got.

    """

    __slots__ = (
        "_bound",
        "_ceiling",
        "_clients",
        "_handles",
        "_rows",
        "_totals",
        "advance",
        "bytes",
        "last",
        "parts",
        "served_in",
        "together",
        "written",
    )

    def __init__(
        self,
        rows: Rows,
        together: Together,
        bound: float,
        totals: Totals,
        *,
        advance: bool,
        last: Part,
        served_in: int,
    ) -> None:
        self._rows = rows
        self.together = together
        self._bound = bound
        self._totals = totals
        self._clients: list[Client] = []
        self._handles: list[int] = []
        self._ceiling = math.inf  # `written` may grow up to here with no look at what waits
        self.advance = advance
        self.last = last
        self.served_in = served_in
        self.parts = self.bytes = self.written = 0

    @property
    def taken(self) -> int:
        """Seats that are taken."""
        return len(self._clients)

    def seat(self, client: Client, handle: int, room: float) -> int:
        """Seats a client that is idle and has had the last part; returns its place.

        Args:
            client: who takes the seat.
            handle: of its outlet.
            room: bytes that may be written to it with no look at what waits.

        """
        self._clients.append(client)
        self._handles.append(handle)
        self._ceiling = min(self._ceiling, self.written + room)
        return len(self._clients) - 1

    def leave(self, client: Client) -> None:
        """Empties a client's seat."""
        mover, handle = self._clients.pop(), self._handles.pop()
        if mover is not client:
            self._clients[client.place], self._handles[client.place] = mover, handle
            mover.place = client.place
        self._rows.stands(client, self.served_in)

    def offer(self, load: Part | Batch, number: int) -> None:
        """Sends everybody the same bytes; who cannot take them all leaves the row.

        Args:
            load: what is sent.
            number: of this pass.

        """
        wire = load.in_step(self.advance)
        if not wire:
            self.disband()
            return
        size = len(wire)
        if self.written + size > self._ceiling:
            self._look(size, single=len(load.parts) == 1)
        taken = self.together.write(self._handles, wire)
        if taken.count(size) != len(taken):
            self._part_with(load, taken, size, number)
        self.written += size
        self.parts += len(load.parts)
        self.bytes += load.payload_bytes
        self._totals.parts += len(load.parts) * self.taken
        self._totals.bytes += load.payload_bytes * self.taken
        self.last = load.parts[-1]
        self.served_in = number

    def waiting(self) -> list[Client]:
        """Returns those who have been sent bytes that their systems have not acknowledged."""
        return list(compress(self._clients, self.together.unacknowledged(self._handles)))

    def _look(self, size: int, *, single: bool) -> None:
        """Asks what waits for each; who has no room leaves.

        Args:
            size: bytes that are to be sent.
            single: whether they are one part, for which an empty client has always room.

        """
        waiting = self.together.unacknowledged(self._handles)
        most = max(waiting, default=0)
        if most + size > self._bound:
            full = [each >= single and each + size > self._bound for each in waiting]
            for client in list(compress(self._clients, full)):
                client.stand()
            most = max(
                (each for each, out in zip(waiting, full, strict=True) if not out), default=0
            )
        self._ceiling = self.written - most + self._bound

    def _part_with(self, load: Part | Batch, taken: Sequence[int], size: int, number: int) -> None:
        for client, some in zip(self._clients.copy(), taken, strict=True):
            if some != size:
                client.stand()
                if some > 0:  # the others are offered it anew, one by one
                    client.served_in = number
                    client.took(load, some)

    def disband(self) -> None:
        """Has everybody leave."""
        for client in self._clients.copy():
            client.stand()
