"""Of which streams a producer hears who watches: those of interest last, and not without end."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from producer.audience import Audience
from producer.channels import Channels
from producer.sending import TOPICS_REMEMBERED
from protocol import Event

# Streams whose events are taken, as many as have numbers: a program may name its streams after
# the time. Where one is forgotten its next stop waits for the nodes once more, and nothing else.
STREAMS_FOLLOWED: Final = TOPICS_REMEMBERED
# Who waits for clients asks ten times a second, and who looks now and then does so within this
# time, seconds: however many streams are asked about, none of them is forgotten and taken again.
ASKED_WITHIN_S: Final = 10.0
# Streams looked at for each new one beyond the limit. With one, those that have to stay would let
# the number grow.
LOOKED_AT: Final = 2


@dataclass(slots=True)
class _Stream:
    """Since when a stream's events are taken, and when somebody asked for its clients last."""

    since: float
    asked_at: float = -math.inf


class Interest:
    """Takes the events of the streams that matter, and forgets the others.

    A stream that somebody watches, or whose events somebody follows, is not forgotten.

    Args:
        channels: where the events come from.
        audience: who watches.
        has_follower: tells whether somebody follows a stream's events.

    Attributes:
        all_since: when all events were asked for first, seconds; None where they were not.

    """

    def __init__(
        self, channels: Channels, audience: Audience, has_follower: Callable[[str], bool]
    ) -> None:
        self._channels = channels
        self._audience = audience
        self._has_follower = has_follower
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._asked: set[str] = set()
        self.all_since: float | None = None

    @property
    def asked(self) -> AbstractSet[str] | None:
        """The streams whose clients somebody has asked for; None for all."""
        return self._asked if self.all_since is None else None

    def means(self, event: Event) -> bool:
        """Tells whether an event is of a stream that matters, or of a node."""
        stream = getattr(event, "stream", None)
        return stream is None or self.all_since is not None or stream in self._streams

    def publish(self, stream: str, now: float) -> None:
        """Takes in that a stream is published, and may be stopped."""
        self._take(stream, now)

    def ask(self, stream: str | None, now: float) -> None:
        """Takes in that somebody asks for a stream's clients, or for those of all."""
        if stream is not None:
            self._take(stream, now).asked_at = now
            self._asked.add(stream)
        elif self.all_since is None:
            self.all_since = now
            self._channels.follow(None)

    def since(self, stream: str) -> float:
        """Returns when the events of a stream that matters were asked for, seconds."""
        return self._streams[stream].since

    def _take(self, stream: str, now: float) -> _Stream:
        taken = self._streams.get(stream)
        if taken is None:
            taken = self._streams[stream] = _Stream(now)
            self._channels.follow(stream)
            self._forget_some(now)
        self._streams.move_to_end(stream)
        return taken

    def _forget_some(self, now: float) -> None:
        for _ in range(LOOKED_AT):
            if len(self._streams) <= STREAMS_FOLLOWED:
                return
            oldest = next(iter(self._streams))
            if self._matters(oldest, now):
                self._streams.move_to_end(oldest)
            else:
                self._forget(oldest)

    def _matters(self, stream: str, now: float) -> bool:
        is_asked = now - self._streams[stream].asked_at < ASKED_WITHIN_S
        return is_asked or self._audience.is_watched(stream) or self._has_follower(stream)

    def _forget(self, stream: str) -> None:
        del self._streams[stream]
        self._asked.discard(stream)
        self._channels.unfollow(stream)
        self._audience.forget(stream)
