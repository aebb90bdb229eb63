"""Work on many clients, done in slices, so that it never holds up the event loop. No I/O.

The order of work is the order of what happened: parts of a stream, clients that end, and what is
for one client alone wait in one line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from streamer.fanout.part import Batch, Part
from streamer.fanout.rows import MOST_TOGETHER_BYTES, SLICE_CLIENTS
from streamer.fanout.stream import Stream
from streamer.fanout.viewer import Viewer

# What is joined into one write, bytes. A call that is spared for one client is worth the copy of
# so many; the most is what goes out together.
CALL_BYTES: Final = 16 * 1024
BATCH_BYTES: Final = 64 * 1024


class FanOut:
    """What is still to be done for clients, in order.

    Attributes:
        passes: how often parts were carried to the clients of a stream, or are to be.

    """

    def __init__(self) -> None:
        self._line: deque[Iterator[None]] = deque()
        self._gathering: _Gathering | None = None
        self.passes = 0

    def __bool__(self) -> bool:
        """Whether anything is still to be done."""
        return bool(self._line) or self._gathering is not None

    def carry(self, stream: Stream, part: Part) -> None:
        """Offers a part to every client that its stream has now."""
        if not stream.clients:
            return
        gathering = self._gathering
        if gathering is None or gathering.stream is not stream or not gathering.takes(part):
            self.settle()
            self._gathering = _Gathering(stream, part)

    def each(self, clients: Sequence[Viewer], do: Callable[[Viewer], None]) -> None:
        """Does something for each of these clients."""
        self.add(in_slices(clients, do))

    def add(self, slices: Iterator[None]) -> None:
        """Does what an iterator does, a slice for each of its steps."""
        self.settle()
        self._line.append(slices)

    def settle(self) -> None:
        """Lets no later part join those that wait: whoever comes now is not for them."""
        if self._gathering is not None:
            self.passes += 1
            self._line.append(self._gathering.stream.rows.carry(self._gathering.load, self.passes))
            self._gathering = None

    def work(self) -> bool:
        """Does one slice of what is to be done; returns whether there is more."""
        self.settle()
        if self._line:
            try:
                next(self._line[0])
            except StopIteration:
                self._line.popleft()
        return bool(self._line)


class _Gathering:
    """Parts of one stream for the clients it has now.

    Parts that come before its turn join it: an idle client gets them in one write, and a write
    is what many frames cost. How many bytes are joined depends on how many clients share the copy.
    """

    def __init__(self, stream: Stream, part: Part) -> None:
        self.stream = stream
        self._parts = [part]
        worth = CALL_BYTES * len(stream.clients)
        self._room = max(BATCH_BYTES, min(worth, MOST_TOGETHER_BYTES)) - part.size

    def takes(self, part: Part) -> bool:
        """Takes one more part, where there is room."""
        if part.size > self._room:
            return False
        self._parts.append(part)
        self._room -= part.size
        return True

    @property
    def load(self) -> Part | Batch:
        """The part, or the parts in one."""
        return Batch(self._parts) if len(self._parts) > 1 else self._parts[0]


def in_slices(clients: Sequence[Viewer], do: Callable[[Viewer], None]) -> Iterator[None]:
    """Does something for each client, and pauses after every slice."""
    for start in range(0, len(clients), SLICE_CLIENTS):
        for client in clients[start : start + SLICE_CLIENTS]:
            do(client)
        yield
