"""Live video: any URL that FFmpeg reads (RTSP, RTMP, SRT, ...)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import requests.utils

from producer.sources.address import Address
from producer.sources.background import in_background
from producer.sources.decoding import Shot, Video
from producer.sources.options import SourceOptions
from producer.sources.rate import RateLimit
from producer.sources.reconnect import FinishedError, Reconnecting
from producer.sources.recorded import recorded_pictures
from producer.sources.source import Picture, Pictures, SourceError

# Seconds to open a stream beside connecting: FFmpeg looks at up to 5 s of video to know it.
ANALYSIS_S: Final = 10.0


class LiveVideo:
    """The pictures of a stream as they come, through all its outages.

    After `stop` a read that is under way may keep the connection for `read_timeout_s` more.
    """

    length = None

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._address = Address.of(url, options)
        self._options = options

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields pictures until `stop` is set; see `Source.pictures`."""
        return through_outages(self._address.name, self._visit, stop)

    def _visit(self, ended: threading.Event) -> Pictures:
        with _open_stream(self._address, self._options) as video:
            yield from as_they_come(video.shots(), self._options, ended)


def http_video(address: Address, options: SourceOptions, ended: threading.Event) -> Pictures:
    """Yields the pictures of a video on a web server: as they come, or timed if it is recorded.

    Raises:
        FinishedError: it was recorded, and this was its end.
        UnavailableError: it cannot be read.

    """
    with _open_stream(address, options) as video:
        if not video.recorded:
            yield from as_they_come(video.shots(), options, ended)
            return
    yield from recorded_pictures(lambda: _open_stream(address, options), options, ended)
    raise FinishedError


def through_outages(
    name: str, visit: Callable[[threading.Event], Pictures], stop: threading.Event
) -> Pictures:
    """Yields the pictures of all visits to a source until `stop` is set.

    `visit` gets an event that is set when nobody wants its pictures any more.
    """

    def run(ended: threading.Event) -> Pictures:
        return Reconnecting(name, lambda: visit(ended)).pictures(ended)

    # A read of FFmpeg cannot be interrupted; it ends by its time-out.
    return in_background(run, stop, lambda: None)


def as_they_come(shots: Iterator[Shot], options: SourceOptions, ended: threading.Event) -> Pictures:
    """Yields live pictures, no more than `fps` a second, until `ended` is set."""
    limit = RateLimit(options.fps)
    for shot in shots:
        if ended.is_set():
            return
        body = shot.jpeg() if limit.admits(time.monotonic()) else None
        if body is not None:
            yield Picture(body)


def _open_stream(address: Address, options: SourceOptions) -> Video:
    settings = {"rtsp_flags": "prefer_tcp"}  # over UDP a lost packet spoils pictures
    if options.verify_tls:
        settings |= {"tls_verify": "1", "ca_file": _trusted_certificates()}
    try:
        return Video(
            address.url_with_login, options, settings=settings, timeouts_s=_timeouts_s(options)
        )
    except SourceError as error:
        raise SourceError(f"{address.name}: {error}") from error


def _trusted_certificates() -> str:
    """Names the file that requests takes, so that a video is trusted like a camera."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or requests.utils.DEFAULT_CA_BUNDLE_PATH


def _timeouts_s(options: SourceOptions) -> tuple[float, float]:
    return options.connect_timeout_s + ANALYSIS_S, options.read_timeout_s
