"""What the clients of a stream have got, all together. No I/O."""

from __future__ import annotations


class Totals:
    """Counters of a stream, for all its clients since the start, those who have left included.

    They are counted where it happens: adding up thousands of clients ten times a second would
    cost as much as some of their parts, and hold up the rest meanwhile.

    Attributes:
        parts: parts delivered.
        bytes: payload bytes of those parts.
        skipped: parts that were offered and will not be delivered.
        repeats: repeated parts delivered, counted in none of the others.

    """

    __slots__ = ("bytes", "parts", "repeats", "skipped")

    def __init__(self) -> None:
        self.parts = self.bytes = self.skipped = self.repeats = 0
