"""Counts refused messages by reason, and says so at a limited rate."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from protocol import MAX_HEADER_BYTES, MalformedError, Refusal
from protocol.messages import MAX_HEADER_ITEMS
from protocol.packing import unpack_map
from protocol.scalars import SHOWN_CHARS, shown

# One line for each reason and topic in this time, seconds: a flood of bad messages is no flood
# of log.
LOG_EVERY_S: Final = 10.0
# So many of them have a line of their own in that time: a peer may make up topics without end.
# All others share a line for each reason, so that neither log nor memory grows.
MOST_TOPICS: Final = 5
# A message beyond `max_frame_bytes` is read, counted and dropped. One beyond this multiple of it,
# and beyond what costs nobody his memory, costs its sender the connection (ZMQ_MAXMSGSIZE).
HARD_LIMIT: Final = 4
HARMLESS_BYTES: Final = 64 * 1024 * 1024
# What a producer most likely forgot, where the reason alone does not tell.
HINTS: Final = {Refusal.BAD_IMAGE: "say content_type where it is no JPEG"}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """When a line was logged, and how many messages have been refused since."""

    at: float = -math.inf
    messages: int = 0


class RefusalLog:
    """Counts, and logs at a limited rate.

    Args:
        clock: a monotonic clock, seconds.
        max_frame_bytes: the setting.

    Attributes:
        counts: messages refused so far, by reason.

    """

    def __init__(self, clock: Callable[[], float], max_frame_bytes: int) -> None:
        self.counts: Counter[Refusal] = Counter()
        self._clock = clock
        self._max_frame_bytes = max_frame_bytes
        self._said: dict[tuple[Refusal, bytes], _Said] = {}
        self._said_of_others: dict[Refusal, _Said] = {}

    def refuse(self, error: MalformedError, parts: Sequence[bytes] = ()) -> None:
        """Counts a refusal, and logs it where a line is due.

        Args:
            error: what is wrong.
            parts: the ZeroMQ frames of the message; none where there is no message.

        """
        line = self.note(error, parts)
        if line is not None:
            log.warning("refused %s", line)

    def refuse_peer(self, peer: str) -> None:
        """Counts a connection that libzmq has cut, and logs it where a line is due.

        Args:
            peer: address; empty where it has none.

        """
        self.refuse(of_cut(peer, self._max_frame_bytes))

    def note(self, error: MalformedError, parts: Sequence[bytes] = ()) -> str | None:
        """Counts a refusal; returns the line to log, or None where one was logged just now."""
        self.counts[error.reason] += 1
        now = self._clock()
        said = self._line_of(error.reason, parts[0][:SHOWN_CHARS] if parts else b"", now)
        said.messages += 1
        if now - said.at < LOG_EVERY_S:
            return None
        messages, said.at, said.messages = said.messages, now, 0
        several = said is self._said_of_others.get(error.reason)
        return _text(error, parts, messages, several=several)

    def _line_of(self, reason: Refusal, topic: bytes, now: float) -> _Said:
        """Returns the topic's own line where it has one, else that of all others."""
        key = reason, topic
        if key not in self._said and len(self._said) >= MOST_TOPICS:
            self._said = {k: v for k, v in self._said.items() if now - v.at < LOG_EVERY_S}
        if key in self._said or len(self._said) < MOST_TOPICS:
            return self._said.setdefault(key, _Said())
        return self._said_of_others.setdefault(reason, _Said())


def _text(error: MalformedError, parts: Sequence[bytes], messages: int, *, several: bool) -> str:
    words = [f"reason={error.reason.value}"]
    if parts:
        topic = parts[0][:SHOWN_CHARS].decode("ascii", "backslashreplace")
        words.append(f"topic={shown(topic)}")
    producer = _producer(parts)
    if producer is not None:
        words.append(f"producer={shown(producer)}")
    words.append(f"messages={messages}")
    if several:
        words.append("topics=several")
    words.append(f"text={str(error)!r}")
    if error.reason in HINTS:
        words.append(f"hint={HINTS[error.reason]!r}")
    return " ".join(words)


def _producer(parts: Sequence[bytes]) -> object:
    """Returns what the header of a message calls its producer; None where it says nothing."""
    if len(parts) != 3 or not parts[1]:
        return None
    try:
        header = unpack_map(
            parts[1], "header", max_bytes=MAX_HEADER_BYTES, max_items=MAX_HEADER_ITEMS
        )
    except MalformedError:
        return None
    return header.get("producer")


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
