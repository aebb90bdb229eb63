"""What waits for one client: parts in a queue, or the newest one alone. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from streamer.fanout.part import Part

# The newest part and those that it has replaced last. A stop may come behind frames that are
# beyond the one it names: then one of these is still to be delivered. Clients of a stream that
# are behind share them; of parts for one client alone, which are his memory, the newest is held.
HELD_PARTS: Final = 4


def every_part(part: Part) -> bool:
    """Names every part: nothing that waits is to be delivered."""
    del part
    return True


class Backlog:
    """The parts that wait for a client, behind the one under way.

    Attributes:
        bytes: size of the parts in the queue; the one that is held counts nothing.
        targeted: parts in the queue that are for this client alone.

    """

    __slots__ = ("_held", "_queue", "bytes", "targeted")

    def __init__(self) -> None:
        self._queue: deque[Part] | None = None  # most clients never need one
        self._held: tuple[Part, ...] = ()  # only the last is to be delivered
        self.bytes = 0
        self.targeted = 0

    @property
    def held(self) -> Part | None:
        """The newest part, where one is held."""
        return self._held[-1] if self._held else None

    def append(self, part: Part) -> None:
        """Puts a part at the end of the queue."""
        if self._queue is None:
            self._queue = deque()
        self._queue.append(part)
        self.bytes += part.size
        self.targeted += part.targeted

    def hold(self, part: Part) -> bool:
        """Holds the newest part, behind the queue; returns whether it replaced one."""
        replaced = bool(self._held)
        self._held = (part,) if part.targeted else (*self._held, part)[-HELD_PARTS:]
        return replaced

    def next(self) -> Part | None:
        """Takes out the part that is next; None where none waits."""
        if self._queue:
            first = self._queue.popleft()
            self.bytes -= first.size
            self.targeted -= first.targeted
            return first
        newest, self._held = self.held, ()
        return newest

    def drop(self, cuts: Callable[[Part], bool] = every_part) -> int:
        """Forgets the parts that `cuts` names; returns how many fewer will be delivered.

        Where it names the newest one that is held, the newest that it does not name is held again.
        """
        queue, held = self._queue, self._held
        dropped = 0
        self._queue = None
        self.bytes = self.targeted = 0
        for part in queue or ():
            if cuts(part):
                dropped += 1
            else:
                self.append(part)
        self._held = tuple(part for part in held if not cuts(part))
        return dropped + bool(held) - bool(self._held)
