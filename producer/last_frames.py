"""The last frame of each stream, for streamers that subscribe after it was sent. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol import Frame

# Frames that are kept, bytes over all streams: a thousand cameras' worth. Beyond it those go
# that were sent longest ago, and late viewers of their streams wait for the next frame.
KEPT_BYTES: Final = 64 * 1024 * 1024
# What a kept frame costs beside its body, about, bytes.
KEPT_BESIDE_BYTES: Final = 1024
# A younger frame is not sent again, seconds: a fast stream has its next one soon, and streamers
# that come together are served by one.
AGAIN_AFTER_S: Final = 0.5
# Frames sent again in one go: they are to leave room for new ones.
AGAIN_AT_ONCE: Final = 16


@dataclass(slots=True)
class _Last:
    """A frame as it was sent, or not yet, and when."""

    frame: Frame
    at: float

    @property
    def cost(self) -> int:
        return len(self.frame.body) + KEPT_BESIDE_BYTES


class LastFrames:
    """Keeps the last frame of each stream, and tells which are to be sent once more."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Last] = OrderedDict()
        self._missed: dict[bytes, None] = {}
        self._bytes = 0

    def keep(self, frame: Frame, now: float) -> None:
        """Takes the newest frame of a stream; nobody has missed that one.

        Args:
            frame: with its number, or without where it could not be sent yet.
            now: seconds of a monotonic clock.

        """
        topic = frame.address.topic
        self.forget(topic)
        last = self._kept[topic] = _Last(frame, now)
        self._bytes += last.cost
        while self._bytes > KEPT_BYTES:
            self.forget(next(iter(self._kept)))

    def forget(self, topic: bytes) -> None:
        """Forgets the last frame of a stream."""
        last = self._kept.pop(topic, None)
        if last is not None:
            self._bytes -= last.cost
            self._missed.pop(topic, None)

    def subscribed(self, prefix: bytes) -> None:
        """Takes in that somebody takes topics from now on, and has missed what came before."""
        self._missed.update((topic, None) for topic in self._kept if topic.startswith(prefix))

    def due(self, now: float, is_taken: Callable[[bytes], bool]) -> list[Frame]:
        """Returns the frames to be sent once more; each that was is to be kept then.

        Args:
            now: seconds of a monotonic clock.
            is_taken: tells whether somebody takes a topic still.

        """
        old = [each for each in self._missed if now - self._kept[each].at >= AGAIN_AFTER_S]
        for topic in old:
            if not is_taken(topic):
                del self._missed[topic]
        return [self._kept[each].frame for each in old if each in self._missed][:AGAIN_AT_ONCE]
