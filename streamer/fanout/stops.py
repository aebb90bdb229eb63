"""When a stop takes effect: at once, behind the frame it names, or when that can no longer come.

A stop travels on a socket of its own and may overtake frames. One that names a `seq` waits for
the frame of that number, at most `STOP_WAIT_S`. No I/O, no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol import Frame, Stop
from streamer.fanout.part import Part

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

    @property
    def single(self) -> bool:
        """Whether no more than one producer is known."""
        return len(self._last) <= 1

    def gap(self, producer: str | None, seq: int | None) -> int:
        """Returns how many numbers are missing before one that comes now."""
        last = self._last.get(producer)
        return 0 if last is None or seq is None else max(0, seq - last - 1)

    def forget(self, producer: str | None) -> None:
        """Starts a producer's numbers afresh; everybody's for None."""
        if producer is None:
            self._last.clear()
        else:
            self._last.pop(producer, None)

    def reached(self, producer: str | None, seq: int) -> bool:
        """Tells whether the frame of that number, or a later one, has come.

        Who names no producer means any.
        """
        if producer is None:
            return any(last >= seq for last in self._last.values())
        return self._last.get(producer, -1) >= seq


@dataclass(frozen=True, slots=True)
class Ended:
    """A stop that takes effect.

    Attributes:
        seq: number of the last frame that belongs to what ends; None for whatever waits.
        producer: whose number that is; None for any producer's.
        since: when the stop came, for one that had to wait; who came later is not meant.

    """

    seq: int | None
    producer: str | None
    since: float | None = None

    def cuts(self, part: Part) -> bool:
        """Tells whether a part that still waits is not to be delivered any more."""
        if self.seq is None:
            return True
        ours = self.producer in {None, part.producer}
        return ours and part.seq is not None and part.seq > self.seq

    def means(self, came_at: float) -> bool:
        """Tells whether it is meant for who, or what, came at that time."""
        return self.since is None or came_at <= self.since


class Stops:
    """The stops of one topic, between its frames.

    Once a stop has taken effect, its producer's numbers start afresh. A stop that comes a second
    time is harmless: it ends nobody who came after it, nor for whom frames have come since.
    """

    def __init__(self) -> None:
        self._numbering = Numbering()
        # The last that took effect, of each producer that has not begun to count anew since.
        self._ended: dict[str | None, int] = {}
        # What waits for its frame, by producer and number, and when it came.
        self._pending: dict[tuple[str | None, int], float] = {}
        self._refused = 0  # frames whose numbers nobody has seen

    def stop(self, stop: Stop, now: float) -> list[Ended]:
        """Takes a stop in; returns what takes effect at once.

        One that is sent again gains no time.
        """
        if stop.seq is None:
            self._pending.clear()
            self._numbering.forget(None)
        elif not self._numbering.reached(stop.producer, stop.seq):
            if len(self._pending) < PENDING_STOPS:
                self._pending.setdefault((stop.producer, stop.seq), now)
            return []
        elif stop.seq <= self._ended.get(stop.producer, -1):
            return []
        else:
            self._note(stop.producer, stop.seq)
        return [Ended(stop.seq, stop.producer)]

    def refuse(self) -> None:
        """Takes in that a frame came which is refused: it is not lost."""
        self._refused += 1

    def missing(self, frame: Frame, most: int) -> int:
        """Returns, before a frame is taken in, how many before it were lost on the way.

        Args:
            frame: the frame that comes.
            most: how many may be lost; a wider gap means that its producer counts otherwise.

        """
        gap = self._numbering.gap(frame.producer, frame.seq)
        refused = min(gap, self._refused)
        self._refused -= refused
        lost = gap - refused
        return lost if lost <= most else 0

    def before(self, frame: Frame) -> list[Ended]:
        """Takes a frame in; returns the stops that take effect before it."""
        seq = frame.seq
        passed = self._take(
            lambda producer, number: (
                producer in {None, frame.producer} and seq is not None and seq > number
            )
        )
        for producer in {frame.producer, None}:
            if seq is not None and seq <= self._ended.get(producer, -1):
                del self._ended[producer]
        self._numbering.note(frame.producer, seq)
        if self._numbering.single:
            self._refused = 0  # those before it are accounted for
        return passed

    def behind(self) -> list[Ended]:
        """Returns the stops that take effect behind the frame taken in last."""
        return self._take(self._numbering.reached)

    @property
    def waiting(self) -> bool:
        """Whether any waits for its frame."""
        return bool(self._pending)

    def overdue(self, now: float) -> list[Ended]:
        """Returns the stops that take effect because they have waited long enough."""
        if not self._pending:
            return []
        late = {key for key, since in self._pending.items() if now >= since + STOP_WAIT_S}
        return self._take(lambda *key: key in late)

    def _take(self, due: Callable[[str | None, int], bool]) -> list[Ended]:
        """Takes out the stops that wait and are due."""
        ended = [
            Ended(number, producer, since)
            for (producer, number), since in self._pending.items()
            if due(producer, number)
        ]
        for each in ended:
            assert each.seq is not None
            del self._pending[each.producer, each.seq]
            self._note(each.producer, each.seq)
        return ended

    def _note(self, producer: str | None, seq: int) -> None:
        self._numbering.forget(producer)
        self._ended[producer] = seq
        if len(self._ended) > PRODUCERS_REMEMBERED:
            del self._ended[next(iter(self._ended))]
