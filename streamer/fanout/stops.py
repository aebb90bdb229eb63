"""When a stop takes effect: at once, behind the frame it names, or when that can no longer come.

A stop travels on a socket of its own and may overtake frames. One that names a `seq` waits for
the frame of that number, at most `STOP_WAIT_S`. No I/O, no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from protocol import Frame, Stop

# How long a stop waits for the frame it names, seconds.
STOP_WAIT_S: Final = 1.0
# Producer instances whose numbers a topic remembers; the oldest is forgotten first.
PRODUCERS_REMEMBERED: Final = 16
# Stops of one topic that may wait at the same time. The first of them ends all its clients within
# `STOP_WAIT_S`, so that one that finds no room is missed by nobody.
PENDING_STOPS: Final = 64


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


class Stops:
    """The stops of one topic, between its frames."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        # What waits for its frame, by producer and number, with the time it waits for at most.
        self._pending: dict[tuple[str | None, int], float] = {}

    def stop(self, stop: Stop, now: float) -> bool:
        """Takes a stop in; returns whether it takes effect at once.

        One that is sent again gains no time.
        """
        if stop.seq is None:
            self._pending.clear()
            return True
        if self._numbering.reached(stop.producer, stop.seq):
            return True
        if len(self._pending) < PENDING_STOPS:
            self._pending.setdefault((stop.producer, stop.seq), now + STOP_WAIT_S)
        return False

    def before(self, frame: Frame) -> bool:
        """Takes a frame in; returns whether a stop takes effect before it."""
        self._numbering.note(frame.producer, frame.seq)
        return bool(self._pending) and self._end(
            lambda producer, seq, _: (
                producer in {None, frame.producer} and frame.seq is not None and frame.seq > seq
            )
        )

    def behind(self) -> bool:
        """Returns whether a stop takes effect behind the frame taken in last."""
        return bool(self._pending) and self._end(
            lambda producer, seq, _: self._numbering.reached(producer, seq)
        )

    def overdue(self, now: float) -> bool:
        """Returns whether a stop takes effect because it has waited long enough."""
        return bool(self._pending) and self._end(lambda _, __, deadline: now >= deadline)

    def _end(self, takes_effect: Callable[[str | None, int, float], bool]) -> bool:
        ended = [each for each, until in self._pending.items() if takes_effect(*each, until)]
        for each in ended:
            del self._pending[each]
        return bool(ended)
