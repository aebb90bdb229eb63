"""A camera that answers HTTP: an endless multipart stream, a still image, or a video."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from producer.sources.address import Address
from producer.sources.background import in_background
from producer.sources.cutting import StillError, multipart_pictures, still_picture
from producer.sources.formats.multipart import MultipartError
from producer.sources.formats.part import boundary_of, media_type_of
from producer.sources.http_connection import HttpConnection
from producer.sources.options import SourceOptions
from producer.sources.rate import RateLimit
from producer.sources.reconnect import Reconnecting, UnavailableError
from producer.sources.source import Picture, Pictures

# Still images asked for a second unless told otherwise: each is a request to a small device.
STILL_FPS: Final = 1.0

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
        try:
            for picture in multipart_pictures(connection.chunks(ended), boundary):
                if limit.admits(time.monotonic()):
                    yield picture
        except MultipartError as error:
            raise UnavailableError(str(error)) from error

    def _stills(self, connection: HttpConnection, ended: threading.Event) -> Pictures:
        interval_s = 1 / (self._options.fps or STILL_FPS)
        while not ended.is_set():
            yield _still(connection, ended)
            ended.wait(interval_s)
            connection.open()


def _still(connection: HttpConnection, ended: threading.Event) -> Picture:
    try:
        return still_picture(connection.chunks(ended))
    except StillError as error:
        raise UnavailableError(str(error)) from error
