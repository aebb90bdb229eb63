"""The test pattern: a picture that moves, and shows its number and the time."""

from __future__ import annotations

import itertools
import threading
import time
from datetime import UTC, datetime
from typing import Final

from producer.sources.jpeg_encoding import encoded
from producer.sources.options import SourceOptions
from producer.sources.scene import Scene
from producer.sources.source import Picture, Pictures

DEFAULT_SIZE: Final = (640, 360)
DEFAULT_FPS: Final = 10.0


class Pattern:
    """An endless live picture, drawn when it is due, so that its clock shows how late it arrives.

    640x360 at 10 pictures a second unless told otherwise. A run that falls behind leaves pictures
    out; the pace stays.
    """

    length = None

    def __init__(self, options: SourceOptions) -> None:
        self._scene = Scene(options.size or DEFAULT_SIZE)
        self._interval_s = 1 / (options.fps or DEFAULT_FPS)
        self._quality = options.quality

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields pictures until `stop` is set; see `Source.pictures`."""
        due_s = time.monotonic()
        for number in itertools.count(1):
            if stop.wait(max(0.0, due_s - time.monotonic())):
                return
            yield self._picture(number)
            due_s = max(due_s + self._interval_s, time.monotonic())

    def _picture(self, number: int) -> Picture:
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone()
        clock = f"{now:%H:%M:%S}.{now.microsecond // 100_000}"
        image = self._scene.draw(number, clock, now_ns / 1e9)
        return Picture(encoded(image, self._quality), time_ns=now_ns)
