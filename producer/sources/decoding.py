"""The pictures in a video, as JPEG: passed on where they are, encoded where they are not.

Everything of FFmpeg is in here; its errors leave as those of `reconnect`.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import av
from av.container import InputContainer
from av.error import BlockingIOError as NoPacketError
from av.error import (
    ExitError,
    FFmpegError,
    HTTPUnauthorizedError,
    InvalidDataError,
    ProtocolNotFoundError,
)
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from producer.sources.formats.huffman import with_tables
from producer.sources.formats.jpeg import JpegError, JpegSplitter
from producer.sources.jpeg_encoding import encoded
from producer.sources.options import SourceOptions
from producer.sources.reconnect import LoginRefusedError, UnavailableError
from producer.sources.source import SourceError

# Pictures a second of a video that does not say; what FFmpeg takes, too.
USUAL_FPS: Final = 25.0


class NothingYetError(UnavailableError):
    """A device that is not waited for has no picture just now; `Video.shots` can be tried again."""


class UndecodableError(UnavailableError):
    """A video whose pictures FFmpeg, as it is installed, has no decoder for."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a video and its time in it, in seconds; `jpeg()` is None where it is broken.

    The work of encoding is done only when `jpeg` is called.
    """

    time_s: float | None
    jpeg: Callable[[], bytes | None]


class Video:
    """An open video: a file, a device or a network stream, closed by `close()`.

    `settings` are FFmpeg's own, by name; `timeouts_s` bounds opening and each read.

    Raises:
        LoginRefusedError: the server wants another login.
        SourceError: there is no such kind of URL.
        UnavailableError: it cannot be opened, or has no pictures.
        UndecodableError: it has none that can be decoded.

    """

    def __init__(
        self,
        url: str,
        options: SourceOptions,
        *,
        settings: dict[str, str],
        container_format: str | None = None,
        timeouts_s: tuple[float, float] | None = None,
    ) -> None:
        self._options = options
        opening_s = math.inf if timeouts_s is None else timeouts_s[0]
        with _OurErrors(opening_s):
            # As `options` they would be the decoder's, too: the size that a device was asked for
            # makes FFmpeg take a picture of half the height for a field of an interlaced one.
            self._container = av.open(
                url,
                "r",
                format=container_format,
                container_options=settings,
                timeout=timeouts_s,
            )
        if not self._container.streams.video:
            self.close()
            raise UnavailableError("it has no pictures")
        self._stream = _best_of(self._container)
        if self._stream.codec_context is None:  # without a decoder, whatever its type says
            self.close()
            reason = "its pictures are in a form that this build of FFmpeg cannot decode"
            raise UndecodableError(reason)
        self._rotated: bool | None = None if self.recorded else False
        # Frame threads are faster, but hold back one picture each.
        delayed = self.recorded and self._stream.codec_context.name != "mjpeg"
        self._stream.thread_type = "AUTO" if delayed else "SLICE"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A packet gives its memory back to the device it is from: none may outlive that, and
        # those under way when a read failed still stand in the frames of the error.
        traceback.clear_frames(trace)
        self.close()

    @property
    def recorded(self) -> bool:
        """Whether it has an end that is known, and so a time for each picture."""
        return self._container.duration is not None

    @property
    def is_image(self) -> bool:
        """Whether it is taken for an image file, perhaps for its name alone."""
        name = self._container.format.name
        return name == "image2" or name.endswith("_pipe")

    @property
    def length(self) -> int | None:
        """How many pictures the container says there are."""
        return self._stream.frames or None

    @property
    def fps(self) -> float:
        """Pictures a second, on average."""
        return float(self._stream.average_rate or USUAL_FPS)

    def shots(self) -> Iterator[Shot]:
        """Yields the pictures in the order they are shown.

        Raises:
            NothingYetError: the device has none now, and its settings say not to wait.
            UnavailableError: the video broke off.

        """
        with _OurErrors():
            for packet in self._container.demux(self._stream):
                yield from self._shots_of(packet)

    def close(self) -> None:
        """Gives back the file, device or connection."""
        self._container.close()

    def _shots_of(self, packet: Packet[VideoStream]) -> Iterator[Shot]:
        if self._passes_jpegs(packet):
            if packet.size:
                yield Shot(_time_s(packet), functools.partial(self._passed, packet))
            return
        if not packet.size and packet.pts is not None:
            return  # left empty by a driver for a broken picture; one without a time is the end
        with contextlib.suppress(InvalidDataError):
            for frame in packet.decode():
                yield Shot(_time_s(frame), functools.partial(self._encoded, frame))

    def _passes_jpegs(self, packet: Packet[VideoStream]) -> bool:
        size = self._options.size
        is_size = size is None or size == (self._stream.width, self._stream.height)
        if not is_size or self._stream.codec_context.name != "mjpeg":
            return False
        if self._rotated is None:
            # The container tells it, but PyAV shows it with a decoded picture alone.
            with contextlib.suppress(FFmpegError):
                for frame in packet.decode():
                    self._rotated = bool(_rotation_of(frame))
        return not self._rotated

    def _passed(self, packet: Packet[VideoStream]) -> bytes | None:
        images = _images_in(bytes(packet))
        if len(images) == 1:
            return with_tables(images[0])
        # Interlaced video has two images in one packet, one for each field.
        with contextlib.suppress(FFmpegError):
            for frame in packet.decode():
                return self._encoded(frame)
        return None

    def _encoded(self, frame: VideoFrame) -> bytes | None:
        # What is larger than JPEG allows is as good as broken.
        with contextlib.suppress(OSError, ValueError):
            image = frame.to_image()  # type: ignore[no-untyped-call]
            if rotation := _rotation_of(frame):
                image = image.rotate(rotation, expand=True)
            if self._options.size is not None:
                image = image.resize(self._options.size)
            return encoded(image, self._options.quality)
        return None


def _best_of(container: InputContainer) -> VideoStream:
    """Returns the stream of pictures that players show: not a cover, where there is a film."""
    best = getattr(container.streams, "best", None)  # older PyAV has none
    stream = None if best is None else best("video")
    return stream if isinstance(stream, VideoStream) else container.streams.video[0]


def _rotation_of(frame: VideoFrame) -> int:
    """Returns degrees counter-clockwise, as phones record upright pictures."""
    return getattr(frame, "rotation", 0)  # PyAV before 13 does not know it


def _images_in(body: bytes) -> list[bytes]:
    try:
        return list(JpegSplitter().feed(body))
    except JpegError:
        return []


def _time_s(item: Packet[VideoStream] | VideoFrame) -> float | None:
    if item.pts is None or item.time_base is None:
        return None
    return float(item.pts * item.time_base)


class _OurErrors:
    """Has FFmpeg's errors leave as ours.

    No generator of `contextlib`: with an error it leaves a cycle behind, which holds the packet
    under way until it is collected, and so perhaps beyond the end of its device.
    """

    def __init__(self, timeout_s: float = math.inf) -> None:
        self._timeout_s = timeout_s
        self._began_s = time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        match error:
            case HTTPUnauthorizedError():
                raise LoginRefusedError("it wants a user and a password that it knows") from error
            case ProtocolNotFoundError():
                raise SourceError("this build of FFmpeg does not know the kind of URL") from error
            case NoPacketError():
                raise NothingYetError("it has no picture yet") from error
            case ExitError():
                raise UnavailableError("silent for too long") from error
            case FFmpegError():
                # FFmpeg's RTSP calls an answer that it has waited for in vain invalid data.
                late = time.monotonic() - self._began_s >= self._timeout_s
                reason = "silent for too long" if late else error.strerror or str(error)
                raise UnavailableError(reason) from error
