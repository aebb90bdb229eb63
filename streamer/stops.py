"""When a stop takes effect: at once, behind the frame it names, or when that can no longer come.

A stop travels on a socket of its own and may overtake frames. One that names a `seq` waits for
the frame of that number, at most `STOP_WAIT_S`. No I/O, no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from protocol import Frame, Stop

# How long a stop waits for the frame it names, seconds.
STOP_WAIT_S: Final = 1.0
# Producer instances whose numbers a topic remembers; the oldest is forgotten first.
PRODUCERS_REMEMBERED: Final = 16


class Numbering:
    """The last `seq` seen of each producer instance within one topic."""

    def __init__(self) -> None:
        self._last: OrderedDict[str | None, int] = OrderedDict()

    def note(self, producer: str | None, seq: int | None) -> None:
        """Takes the number of a frame that has come."""
        if seq is None:
            return
        self._last[producer] = seq
        self._last.move_to_end(producer)
        if len(self._last) > PRODUCERS_REMEMBERED:
            self._last.popitem(last=False)

    def reached(self, producer: str | None, seq: int) -> bool:
        """Tells whether the frame of that number, or a later one, has come.

        Who names no producer means any.
        """
        if producer is None:
            return any(last >= seq for last in self._last.values())
        return self._last.get(producer, -1) >= seq


@dataclass(frozen=True, slots=True)
class _Pending:
    """A stop that waits for the frame it names, until `deadline`."""

    seq: int
    producer: str | None
    deadline: float

    def is_passed_by(self, frame: Frame) -> bool:
        """Tells whether a frame comes after the stop."""
        ours = self.producer is None or frame.producer == self.producer
        return ours and frame.seq is not None and frame.seq > self.seq


class Stops:
    """The stops of one topic, between its frames."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._pending: _Pending | None = None

    def stop(self, stop: Stop, now: float) -> bool:
        """Takes a stop in; returns whether it takes effect at once.

        Of several that wait the first counts: one sent again gains no time.
        """
        if stop.seq is None or self._numbering.reached(stop.producer, stop.seq):
            self._pending = None
            return True
        pending = self._pending
        if pending is None:
            self._pending = _Pending(stop.seq, stop.producer, now + STOP_WAIT_S)
        elif stop.producer == pending.producer and stop.seq < pending.seq:
            self._pending = replace(pending, seq=stop.seq)
        return False

    def before(self, frame: Frame) -> bool:
        """Takes a frame in; returns whether a stop takes effect before it."""
        pending = self._pending
        self._numbering.note(frame.producer, frame.seq)
        return pending is not None and pending.is_passed_by(frame) and self._end()

    def behind(self) -> bool:
        """Returns whether a stop takes effect behind the frame taken in last."""
        pending = self._pending
        if pending is None or not self._numbering.reached(pending.producer, pending.seq):
            return False
        return self._end()

    def overdue(self, now: float) -> bool:
        """Returns whether a stop takes effect because it has waited long enough."""
        return self._pending is not None and now >= self._pending.deadline and self._end()

    def _end(self) -> bool:
        self._pending = None
        return True
