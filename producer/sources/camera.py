"""A camera that answers HTTP: an endless multipart stream, a still image, or a video."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from producer.sources.address import Address
from producer.sources.background import in_background
from producer.sources.cutting import StillError, multipart_pictures, still_picture
from producer.sources.formats.multipart import MultipartError
from producer.sources.formats.part import boundary_of, media_type_of
from producer.sources.http_connection import HttpConnection
from producer.sources.options import SourceOptions
from producer.sources.rate import Cadence, RateLimit
from producer.sources.reconnect import Reconnecting, UnavailableError
from producer.sources.source import Picture, Pictures

# Still images asked for a second unless told otherwise: each is a request to a small device.
STILL_FPS: Final = 1.0

# Read time-outs that one picture may take: on a slow line each of its bytes is no silence.
SLOWEST: Final = 3.0

# How far from now the time of a picture may be: beyond it is the time since the camera's start, or
# of a clock that nobody has set.
TIMELY_NS: Final = 24 * 3600 * 1_000_000_000

# Media types, beside `video/*`, of answers that may be a video; an unnamed one may, too.
VIDEO_TYPES: Final = frozenset({
    "",
    "application/octet-stream",
    "application/dash+xml",
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
})  # fmt: skip

# Yields the pictures of a video at a URL until it breaks off or the event is set.
OpenVideo: TypeAlias = Callable[[Address, SourceOptions, threading.Event], Pictures]


class Camera:
    """Pictures of an HTTP camera, live, through all its outages.

    A stream's parts are published as they are, as many as `fps` allows. A still image is asked
    for `fps` times a second; a video is decoded.
    """

    length = None

    def __init__(self, url: str, options: SourceOptions, open_video: OpenVideo) -> None:
        self._address = Address.of(url, options)
        self._options = options
        self._open_video = open_video

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields the camera's pictures until `stop` is set; see `Source.pictures`."""
        connection = HttpConnection(self._address, self._options)

        def run(ended: threading.Event) -> Pictures:
            with connection:
                visit = functools.partial(self._visit, connection, ended)
                yield from Reconnecting(self._address.name, visit).pictures(ended)

        return in_background(run, stop, connection.interrupt)

    def _visit(self, connection: HttpConnection, ended: threading.Event) -> Pictures:
        content_type = connection.open().headers.get("Content-Type", "")
        media_type = media_type_of(content_type)
        if media_type.startswith("multipart/"):
            return self._stream(connection, ended, boundary_of(content_type))
        if media_type.startswith("image/"):
            return self._stills(connection, ended)
        if media_type.startswith("video/") or media_type in VIDEO_TYPES:
            connection.close()
            return self._open_video(self._address, self._options, ended)
        raise UnavailableError(
            f"it answers {media_type}, not a multipart stream, an image or a video"
        )

    def _stream(
        self, connection: HttpConnection, ended: threading.Event, boundary: str | None
    ) -> Pictures:
        limit = RateLimit(self._options.fps)
        patience = _Patience(self._options.read_timeout_s)
        portions = patience.watched(connection.chunks(ended))
        try:
            for picture in multipart_pictures(portions, boundary):
                if limit.admits(time.monotonic()):
                    yield _timely(picture, time.time_ns())
                patience.renew()
        except MultipartError as error:
            raise UnavailableError(str(error)) from error

    def _stills(self, connection: HttpConnection, ended: threading.Event) -> Pictures:
        cadence = Cadence(1 / (self._options.fps or STILL_FPS), time.monotonic())
        while not ended.is_set():
            patience = _Patience(self._options.read_timeout_s)
            yield _still(patience.watched(connection.chunks(ended)))
            ended.wait(cadence.wait_s(time.monotonic()))
            connection.open()


def _timely(picture: Picture, now_ns: int) -> Picture:
    """Takes a time that cannot be of now from a picture."""
    if picture.time_ns is None or abs(picture.time_ns - now_ns) <= TIMELY_NS:
        return picture
    return replace(picture, time_ns=None)


class _Patience:
    """Gives up on bytes that trickle without ever being a picture."""

    def __init__(self, read_timeout_s: float) -> None:
        self._limit_s = SLOWEST * read_timeout_s
        self._since_s = time.monotonic()

    def renew(self) -> None:
        """Takes note of a picture."""
        self._since_s = time.monotonic()

    def watched(self, portions: Iterable[bytes]) -> Iterator[bytes]:
        for portion in portions:
            if time.monotonic() - self._since_s > self._limit_s:
                raise UnavailableError("no picture for too long")
            yield portion


def _still(portions: Iterable[bytes]) -> Picture:
    try:
        return still_picture(portions)
    except StillError as error:
        raise UnavailableError(str(error)) from error
