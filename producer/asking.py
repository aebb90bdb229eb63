"""When to ask for a snapshot: soon, not at once, and not too often. No I/O."""

from __future__ import annotations

import random
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

# A first question waits between these, seconds: the answer to our subscription, or to another
# producer's question, may be on its way.
FIRST_AFTER_S: Final = (0.05, 0.2)
# The least time between two questions about one stream, seconds; a node answers with everybody
# who watches. It doubles while no answer comes, up to the second.
AGAIN_AFTER_S: Final = 1.0
MOST_AGAIN_AFTER_S: Final = 8.0
# Waits are stretched by up to this, so that many producers do not ask in step.
SPREAD: Final = 1.25


@dataclass(slots=True)
class _Question:
    due_at: float
    wait_s: float = 0.0


class Asking:
    """Paces the questions about each stream.

    Args:
        chance: spreads them.

    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._questions: dict[str, _Question] = {}

    def due(self, doubted: AbstractSet[str], now: float) -> list[str]:
        """Returns the streams to ask for now, of those that are in doubt."""
        for stream in self._questions.keys() - doubted:
            self._answered(stream, now)
        return [each for each in sorted(doubted) if self._is_due(each, now)]

    def _answered(self, stream: str, now: float) -> None:
        question = self._questions[stream]
        question.wait_s = 0.0
        if now >= question.due_at:
            del self._questions[stream]

    def _is_due(self, stream: str, now: float) -> bool:
        question = self._questions.get(stream)
        if question is None:
            self._questions[stream] = _Question(now + self._chance.uniform(*FIRST_AFTER_S))
            return False
        if now < question.due_at:
            return False
        question.wait_s = min(max(AGAIN_AFTER_S, 2 * question.wait_s), MOST_AGAIN_AFTER_S)
        question.due_at = now + question.wait_s * self._chance.uniform(1.0, SPREAD)
        return True
