"""When to show a recorded picture. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# A recording that is late by more than this goes on from there: a hold-up is no burst, seconds.
MAX_LATE_S: Final = 0.5


@dataclass(slots=True)
class Pace:
    """Turns the offsets of one run into waits; begins with the first picture."""

    _zero_s: float | None = None

    def wait_s(self, offset_s: float | None, now_s: float) -> float:
        """Returns how long to wait before a picture is shown; 0 for a live one.

        Args:
            offset_s: when to show it, after the source began.
            now_s: a monotonic clock.

        """
        if offset_s is None:
            return 0.0
        if self._zero_s is None or now_s - offset_s - self._zero_s > MAX_LATE_S:
            self._zero_s = now_s - offset_s
        return max(0.0, self._zero_s + offset_s - now_s)
