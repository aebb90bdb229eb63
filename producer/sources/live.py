"""Live video: webcams, and any URL that FFmpeg reads (RTSP, RTMP, SRT, ...)."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import requests.utils

from producer.sources.address import Address
from producer.sources.background import in_background
from producer.sources.decoding import Video
from producer.sources.options import SourceOptions
from producer.sources.rate import RateLimit
from producer.sources.reconnect import FinishedError, Reconnecting, UnavailableError
from producer.sources.recorded import recorded_pictures
from producer.sources.source import Picture, Pictures

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
        return _through_outages(self._address.name, self._visit, stop)

    def _visit(self) -> Pictures:
        with _open_stream(self._address, self._options) as video:
            yield from _as_they_come(video, self._options)


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
        return _through_outages(str(self._device), self._visit, stop)

    def _visit(self) -> Pictures:
        with self._open() as video:
            for picture in _as_they_come(video, self._options):
                yield replace(picture, time_ns=time.time_ns())

    def _open(self) -> Video:
        with contextlib.suppress(UnavailableError):
            return self._opened({"input_format": "mjpeg"})
        return self._opened({})

    def _opened(self, settings: dict[str, str]) -> Video:
        if self._options.fps is not None:
            settings["framerate"] = f"{self._options.fps:g}"
        if self._options.size is not None:
            settings["video_size"] = "{}x{}".format(*self._options.size)
        return Video(
            str(self._device),
            self._options,
            settings=settings,
            container_format="v4l2",
            timeouts_s=_timeouts_s(self._options),
        )


def http_video(address: Address, options: SourceOptions, ended: threading.Event) -> Pictures:
    """Yields the pictures of a video on a web server: as they come, or timed if it is recorded.

    Raises:
        FinishedError: it was recorded, and this was its end.
        UnavailableError: it cannot be read.

    """
    with _open_stream(address, options) as video:
        if not video.recorded:
            yield from _as_they_come(video, options)
            return
    yield from recorded_pictures(lambda: _open_stream(address, options), options, ended)
    raise FinishedError


def _through_outages(name: str, visit: Callable[[], Pictures], stop: threading.Event) -> Pictures:
    # A read of FFmpeg cannot be interrupted; it ends by its time-out.
    return in_background(Reconnecting(name, visit).pictures, stop, lambda: None)


def _as_they_come(video: Video, options: SourceOptions) -> Pictures:
    limit = RateLimit(options.fps)
    for shot in video.shots():
        body = shot.jpeg() if limit.admits(time.monotonic()) else None
        if body is not None:
            yield Picture(body)


def _open_stream(address: Address, options: SourceOptions) -> Video:
    settings = {"rtsp_flags": "prefer_tcp"}  # over UDP a lost packet spoils pictures
    if options.verify_tls:
        settings |= {"tls_verify": "1", "ca_file": _trusted_certificates()}
    return Video(
        address.url_with_login, options, settings=settings, timeouts_s=_timeouts_s(options)
    )


def _trusted_certificates() -> str:
    """Names the file that requests takes, so that a video is trusted like a camera."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or requests.utils.DEFAULT_CA_BUNDLE_PATH


def _timeouts_s(options: SourceOptions) -> tuple[float, float]:
    return options.connect_timeout_s + ANALYSIS_S, options.read_timeout_s
