"""How long to wait before another try."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

# Seconds before the second try: a restarted camera is back soon, a refused one is spared.
FIRST_S: Final = 0.5

# Seconds between tries at most, so that a camera back after a night is seen at once.
LONGEST_S: Final = 30.0

# Share of a delay that is left to chance, so that many readers do not come back together.
JITTER: Final = 0.5


def delays(chance: Callable[[], float] = random.random) -> Iterator[float]:
    """Yields the seconds to wait before each further try, without end.

    Doubles from `FIRST_S` to `LONGEST_S`; `chance` gives 0 to 1 and takes up to `JITTER` away.
    """
    delay_s = FIRST_S
    while True:
        yield delay_s * (1 - JITTER * chance())
        delay_s = min(2 * delay_s, LONGEST_S)
