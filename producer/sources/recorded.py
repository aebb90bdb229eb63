"""A video that was recorded: a file, or a file on a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from producer.sources.decoding import UndecodableError, Video
from producer.sources.options import SourceOptions
from producer.sources.rate import RateLimit, Timeline
from producer.sources.reconnect import UnavailableError
from producer.sources.source import Picture, Pictures, SourceError

UNREADABLE: Final = "none of its pictures can be read"


class RecordedVideo:
    """The pictures of a video file at the times they were recorded, no more than `fps` a second.

    A file without times (bare JPEG images or H.264) is shown at `fps`, or 25 a second.

    Raises:
        SourceError: FFmpeg does not read the file, or there are no pictures in it that it can
            decode.

    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._options = options
        with self._open() as video:
            self._length = _length(video, options)
            # FFmpeg takes whatever has the name of an image for one.
            if video.is_image and not _any_readable(video):
                raise SourceError(f"{path} is no image and no video: {UNREADABLE}")

    @property
    def length(self) -> int | None:
        """Number of pictures, where the file says it and `fps` leaves none out."""
        return self._length

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields the pictures of the file; see `Source.pictures`.

        Raises:
            SourceError: the file cannot be read to its end.

        """
        try:
            yield from recorded_pictures(self._open, self._options, stop)
        except UnavailableError as error:
            raise SourceError(f"{self._path}: {error}") from error

    def _open(self) -> Video:
        # Only formats without times of their own heed this.
        fps = self._options.fps
        settings = {} if fps is None else {"framerate": f"{fps:g}"}
        try:
            # FFmpeg takes what is before a colon for the kind of a URL; a leading slash forbids it.
            return Video(str(self._path.absolute()), self._options, settings=settings)
        except UndecodableError as error:
            raise SourceError(f"{self._path}: {error}") from error
        except UnavailableError as error:
            raise SourceError(f"{self._path} is no image and no video: {error}") from error


def recorded_pictures(
    open_video: Callable[[], Video], options: SourceOptions, stop: threading.Event
) -> Pictures:
    """Yields the pictures of a video with their offsets, again and again where options say so.

    Raises:
        UnavailableError: the video cannot be read (to its end), or none of its pictures.

    """
    limit = RateLimit(options.fps)
    timeline: Timeline | None = None
    while not stop.is_set():
        with open_video() as video:
            timeline = timeline or Timeline(1 / video.fps)
            yield from _round(video, timeline, limit, stop)
        if not options.loop:
            return
        timeline.next_round()


def _round(
    video: Video, timeline: Timeline, limit: RateLimit, stop: threading.Event
) -> Iterator[Picture]:
    shown = left_out = 0
    begins = timeline.empty
    for shot in video.shots():
        if stop.is_set():
            return
        offset_s = timeline.offset_s(shot.time_s)
        if not limit.admits(offset_s):
            left_out += 1
        elif (body := shot.jpeg()) is not None:
            shown += 1
            yield Picture(body, offset_s=offset_s)
    # The rate may leave out all of a later round. One without pictures would be repeated without
    # a pause.
    if not shown and (begins or not left_out):
        raise UnavailableError(UNREADABLE)


def _any_readable(video: Video) -> bool:
    try:
        return any(shot.jpeg() is not None for shot in video.shots())
    except UnavailableError:
        return False


def _length(video: Video, options: SourceOptions) -> int | None:
    thinned = options.fps is not None and options.fps < video.fps
    return None if options.loop or thinned else video.length
