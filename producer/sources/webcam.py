"""Webcams: the devices of Video4Linux, read by FFmpeg."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Final

from producer.sources.decoding import NothingYetError, Shot, Video
from producer.sources.live import as_they_come, through_outages
from producer.sources.options import SourceOptions
from producer.sources.reconnect import UnavailableError
from producer.sources.source import Pictures

# Seconds between two looks for a picture: it comes later by half of that on average, and 200
# looks a second cost less than a hundredth of a core.
LOOK_S: Final = 0.005

# FFmpeg waits for a picture without end and without regard for any time-out, unless it is told not
# to wait (AVFMT_FLAG_NONBLOCK, which has no name among its options). Then it has to open the device
# without a look at the first pictures, as there it would wait without a pause.
WITHOUT_WAITING: Final = {"fflags": "+4", "max_ts_probe": "0"}


class Webcam:
    """The pictures of a Video4Linux device as they come; its own JPEG where it makes any.

    `size` and `fps` are asked of the device; where it has others its pictures are adapted.
    """

    length = None

    def __init__(self, device: Path, options: SourceOptions) -> None:
        self._device = device
        self._options = options

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields pictures until `stop` is set; see `Source.pictures`."""
        return through_outages(str(self._device), self._visit, stop)

    def _visit(self, ended: threading.Event) -> Pictures:
        # A packet gives its memory back to the device: what still holds one is closed before it.
        with (
            self._open() as video,
            contextlib.closing(self._shots(video, ended)) as shots,
            contextlib.closing(as_they_come(shots, self._options, ended)) as pictures,
        ):
            for picture in pictures:
                yield replace(picture, time_ns=time.time_ns())

    def _shots(self, video: Video, ended: threading.Event) -> Generator[Shot]:
        seen_s = time.monotonic()
        while not ended.is_set():
            with contextlib.suppress(NothingYetError):
                for shot in video.shots():
                    yield shot
                    seen_s = time.monotonic()
            if time.monotonic() - seen_s > self._options.read_timeout_s:
                raise UnavailableError("silent for too long")
            ended.wait(LOOK_S)

    def _open(self) -> Video:
        with contextlib.suppress(UnavailableError):
            return self._opened({"input_format": "mjpeg"})
        return self._opened({})

    def _opened(self, settings: dict[str, str]) -> Video:
        settings |= WITHOUT_WAITING
        if self._options.fps is not None:
            settings["framerate"] = f"{self._options.fps:g}"
        if self._options.size is not None:
            settings["video_size"] = "{}x{}".format(*self._options.size)
        return Video(
            str(self._device),
            self._options,
            settings=settings,
            container_format="v4l2",
            timeouts_s=(self._options.read_timeout_s, self._options.read_timeout_s),
        )
