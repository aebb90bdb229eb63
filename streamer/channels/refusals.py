"""Counts refused messages by reason, and says so at a limited rate."""

from __future__ import annotations

from collections import Counter
from typing import Final

from protocol import MalformedError, Refusal

# One line for each reason in this time, seconds: a flood of bad messages is no flood of log.
LOG_EVERY_S: Final = 10.0
# A message beyond `max_frame_bytes` is read, counted and dropped. One beyond this multiple of it,
# and beyond what costs nobody his memory, costs its sender the connection (ZMQ_MAXMSGSIZE).
HARD_LIMIT: Final = 4
HARMLESS_BYTES: Final = 64 * 1024 * 1024


class RefusalLog:
    """Counts, and decides when a line is due.

    Attributes:
        counts: messages refused so far, by reason.

    """

    def __init__(self) -> None:
        self.counts: Counter[Refusal] = Counter()
        self._said: dict[Refusal, tuple[float, int]] = {}

    def note(self, error: MalformedError, now: float) -> str | None:
        """Counts a refusal; returns the line to log, or None where one was logged just now."""
        self.counts[error.reason] += 1
        total = self.counts[error.reason]
        said_at, said_total = self._said.get(error.reason, (-LOG_EVERY_S, 0))
        if now - said_at < LOG_EVERY_S:
            return None
        self._said[error.reason] = (now, total)
        return f"reason={error.reason.value} messages={total - said_total} text={str(error)!r}"


def hard_limit(max_frame_bytes: int) -> int:
    """Returns the size of a ZeroMQ frame beyond which its sender is disconnected, bytes."""
    return max(HARD_LIMIT * max_frame_bytes, HARMLESS_BYTES)


def of_cut(peer: str, max_frame_bytes: int) -> MalformedError:
    """Returns what is wrong where libzmq has cut a peer's connection.

    Args:
        peer: address; empty where it has none.
        max_frame_bytes: the setting.

    """
    allowed = hard_limit(max_frame_bytes)
    who = f"the connection of {peer}" if peer else "a connection"
    text = f"{who} was cut: a ZeroMQ frame of over {allowed} bytes, or no ZeroMQ at all"
    return MalformedError(Refusal.TOO_LARGE, text)
