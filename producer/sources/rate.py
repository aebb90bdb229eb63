"""The pace of pictures: a limit for those that come too fast, offsets for recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Share of the interval by which a picture may be early: cameras are never on time.
EARLY: Final = 0.25


@dataclass(slots=True)
class RateLimit:
    """Lets at most `fps` pictures a second through; None lets all through."""

    fps: float | None
    _due_s: float | None = None

    def admits(self, time_s: float) -> bool:
        """Tells whether the picture of this time may pass, and counts it if so.

        The rate holds on average: a little early or late does not shift what follows.
        """
        if self.fps is None:
            return True
        interval_s = 1 / self.fps
        due_s = time_s if self._due_s is None else self._due_s
        if time_s < due_s - EARLY * interval_s:
            return False
        # After a pause the slots that were missed are not made up for.
        missed = time_s >= due_s + interval_s
        self._due_s = interval_s + (time_s if missed else due_s)
        return True


@dataclass(slots=True)
class Cadence:
    """Tells how long to wait before each next request, so that they are `interval_s` apart.

    The time an answer takes is part of the interval; what was missed is not made up for.
    """

    interval_s: float
    due_s: float

    def wait_s(self, now_s: float) -> float:
        """Tells how long to wait now that an answer has come."""
        self.due_s = max(self.due_s + self.interval_s, now_s)
        return self.due_s - now_s


@dataclass(slots=True)
class Timeline:
    """Turns a recording's own times into offsets that begin at 0 and go on over all rounds.

    `interval_s` is the usual time between two pictures; it fills in where a time is missing and
    parts the last picture of a round from the first of the next.
    """

    interval_s: float
    _round_s: float = 0.0
    _first_s: float | None = None
    _last_s: float | None = None

    @property
    def empty(self) -> bool:
        """Whether no picture has been placed yet."""
        return self._last_s is None

    def offset_s(self, time_s: float | None) -> float:
        """Tells the offset of the next picture, whose time in the recording is `time_s`."""
        offset_s = self._successor_s() if time_s is None else self._placed_s(time_s)
        self._last_s = offset_s if self._last_s is None else max(self._last_s, offset_s)
        return self._last_s

    def next_round(self) -> None:
        """Begins the recording again."""
        self._round_s = self._successor_s()
        self._first_s = None

    def _successor_s(self) -> float:
        return self._round_s if self._last_s is None else self._last_s + self.interval_s

    def _placed_s(self, time_s: float) -> float:
        if self._first_s is None:
            self._first_s = time_s
        return self._round_s + time_s - self._first_s
