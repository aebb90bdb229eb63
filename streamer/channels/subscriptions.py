"""Which topics of the frames channel a node takes. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from protocol import ALL_PREFIX, AllClients, is_stream_name

# How long a stream is still taken after its last viewer left, seconds: a page that is
# reloaded finds it running.
LINGER_S: Final = 5.0
_WILDCARD: Final = re.compile(r"[*?\[]")


def of_patterns(patterns: Sequence[str]) -> list[bytes]:
    """Returns the prefixes that cover every stream that the patterns allow."""
    prefixes = {_prefix(each) for each in patterns}
    return sorted(
        each
        for each in prefixes
        if not any(each != other and each.startswith(other) for other in prefixes)
    )


def _prefix(pattern: str) -> bytes:
    if is_stream_name(pattern):
        return AllClients(pattern).topic
    literal = _WILDCARD.split(pattern, maxsplit=1)[0]
    return ALL_PREFIX + literal.encode("ascii", "ignore")


class WatchedStreams:
    """The streams that are watched, or were a moment ago.

    Args:
        linger_s: how long a stream is taken after its last viewer left, seconds.

    """

    def __init__(self, linger_s: float = LINGER_S) -> None:
        self._linger_s = linger_s
        self._watched_at: dict[str, float] = {}

    def update(self, watched: Iterable[str], now: float) -> tuple[list[str], list[str]]:
        """Returns the streams to take, and those to let go, from now on."""
        watched = list(watched)
        new = [name for name in watched if name not in self._watched_at]
        self._watched_at.update(dict.fromkeys(watched, now))
        old = [name for name, at in self._watched_at.items() if now - at >= self._linger_s]
        for name in old:
            del self._watched_at[name]
        return new, old
