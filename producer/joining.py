"""Whether a streamer takes frames, since when, and that it is said once. No I/O."""

from __future__ import annotations

import logging
import math
from typing import Final

# How long the first frame waits for a streamer to have subscribed, seconds.
JOIN_TIMEOUT_S: Final = 5.0
# The subscriptions of a streamer come one by one, within this time, seconds.
SUBSCRIPTIONS_S: Final = 0.25
# A producer's connections are made anew one by one: where one is there, another follows within the
# time in which it is tried again (1 s) and its subscriptions come, seconds.
FOLLOWS_S: Final = 2.0
# Being without a streamer for this time from the start is worth a word, seconds.
ALONE_S: Final = 1.0

log = logging.getLogger("producer")


class Joining:
    """Follows whether any streamer is there.

    Args:
        endpoint: where it is awaited.
        now: seconds of a monotonic clock.

    """

    def __init__(self, endpoint: str, now: float) -> None:
        self._endpoint = endpoint
        self._began_at = now
        self._joined_at: float | None = None
        self._joined = False
        self._said_alone = False

    def note(self, now: float, *, joined: bool) -> None:
        """Takes in whether a streamer has subscribed to anything."""
        if joined and self._joined_at is None:
            self._joined_at = now
        if joined and self._said_alone:
            log.info("a streamer takes frames at %s", self._endpoint)
            self._said_alone = False
        elif not joined and not self._said_alone and self._is_alone(now):
            log.warning("no streamer takes frames at %s: waiting", self._endpoint)
            self._said_alone = True
        self._joined = joined

    def is_under_way(self, now: float) -> bool:
        """Tells whether a first subscription may still be on its way."""
        if self._joined_at is None:
            return now - self._began_at < JOIN_TIMEOUT_S
        return now - self._joined_at < SUBSCRIPTIONS_S

    def _is_alone(self, now: float) -> bool:
        return self._joined or now - self._began_at >= ALONE_S


class Straggler:
    """Follows how long a connection has been missing beside others that are there."""

    def __init__(self) -> None:
        self._missing_since: float | None = None
        self._came_at = -math.inf

    def note(self, now: float, *, missing: bool) -> None:
        """Takes in whether it is missing."""
        if missing and self._missing_since is None:
            self._missing_since = now
        elif not missing and self._missing_since is not None:
            self._missing_since = None
            self._came_at = now

    def is_awaited(self, now: float) -> bool:
        """Tells whether it, or one of its subscriptions, may still be on its way."""
        if self._missing_since is None:
            return now - self._came_at < SUBSCRIPTIONS_S
        return now - self._missing_since < FOLLOWS_S
