"""From what a person calls a source to the source."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from producer.sources.address import Address
from producer.sources.camera import Camera
from producer.sources.images import Images, is_image
from producer.sources.options import SourceOptions
from producer.sources.pattern import Pattern
from producer.sources.source import Pictures, Source, SourceError
from producer.sources.standard_input import HINT, StandardInput

# What a source can be, in words.
KINDS: Final = (
    "test, a folder of images, an image or video file, webcam:0 or /dev/video0, "
    "a URL (http, https, rtsp, rtmp, ...), or - for standard input"
)

WEB_SCHEMES: Final = ("http", "https")

# What FFmpeg may know of live video (ffmpeg-protocols(1)); a build of it can lack some.
LIVE_SCHEMES: Final = (
    *("rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "rtmpts", "rtmpe", "rtmpte", "rtp", "srtp"),
    *("srt", "rist", "udp", "udplite", "tcp", "tls", "sctp", "mmsh", "mmst", "satip"),
    *("ftp", "sftp"),
)

# Names of files of many JPEG images: by its first bytes such a file looks like one image.
BARE_JPEG_SUFFIXES: Final = frozenset({".mjpeg", ".mjpg"})


def open_source(spec: str, options: SourceOptions | None = None) -> Source:
    """Returns the source that `spec` names, one of `KINDS`. A file called test is `./test`.

    Files and devices are looked at now; a server is asked only once pictures are.

    Raises:
        SourceError: there is no such source, or it cannot be used.

    """
    options = options or SourceOptions()
    if spec == "test":
        return Pattern(options)
    if spec == "-":
        return _standard_input(options)
    if match := re.fullmatch(r"(?:webcam:|/dev/video)(\d{1,3})", spec):
        return _webcam(Path(f"/dev/video{match[1]}"), options)
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", spec):
        return _url(match[1].lower(), spec, options)
    return _path(spec, options)


def _standard_input(options: SourceOptions) -> Source:
    # Closed before the start, its number is by now that of something else.
    if sys.stdin is None:
        raise SourceError(f"standard input is closed; {HINT}")
    return StandardInput(options)


def _url(scheme: str, url: str, options: SourceOptions) -> Source:
    if scheme == "file":
        return _path(unquote(urlsplit(url).path), options)
    if scheme in WEB_SCHEMES:
        return Camera(url, options, _http_video)
    if scheme not in LIVE_SCHEMES:
        allowed = ", ".join(("file", *WEB_SCHEMES, *LIVE_SCHEMES))
        raise SourceError(f"{Address.of(url, options).name}: a URL's kind is one of {allowed}")
    with _video_extra(f"a source {scheme}://"):
        from producer.sources.live import LiveVideo  # noqa: PLC0415 - see _video_extra
    return LiveVideo(url, options)


def _webcam(device: Path, options: SourceOptions) -> Source:
    if not device.exists():
        found = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        raise SourceError(f"there is no webcam {device}; found: {found}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceError(f"{device} is not open to this user; members of the group video may")
    with _video_extra("a webcam"):
        from producer.sources.webcam import Webcam  # noqa: PLC0415 - see _video_extra
    return Webcam(device, options)


def _path(spec: str, options: SourceOptions) -> Source:
    path = Path(spec)
    try:
        found = spec != "" and path.exists()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        found = False
    if not found:
        raise SourceError(f"there is no {spec!r}; a source is {KINDS}")
    if path.is_dir():
        return Images(path, options)
    if not path.is_file():
        raise SourceError(f"{path} is no regular file; pipe its content into the source -")
    if path.suffix.lower() not in BARE_JPEG_SUFFIXES and is_image(path):
        return Images(path, options)
    with _video_extra(f"{path} is no image, and a video"):
        from producer.sources.recorded import RecordedVideo  # noqa: PLC0415 - see _video_extra
    return RecordedVideo(path, options)


def _http_video(address: Address, options: SourceOptions, ended: threading.Event) -> Pictures:
    with _video_extra(f"{address.name} brings a video, which"):
        from producer.sources.live import http_video  # noqa: PLC0415 - see _video_extra
    return http_video(address, options, ended)


@contextlib.contextmanager
def _video_extra(what: str) -> Iterator[None]:
    """Imports what needs PyAV: an extra, and too slow to load for those who do without."""
    try:
        yield
    except ImportError as error:
        reason = f"needs PyAV: pip install 'partcast[video]' ({error})"
        raise SourceError(f"{what} {reason}") from error
