"""Pictures from standard input: JPEG images one after another, or an mpjpeg stream."""

from __future__ import annotations

import itertools
import os
import select
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from producer.sources.cutting import jpeg_pictures, multipart_pictures
from producer.sources.formats.jpeg import SOI, JpegError
from producer.sources.formats.multipart import MultipartError
from producer.sources.options import SourceOptions
from producer.sources.source import STOP_POLL_S, Picture, Pictures, SourceError

# Bytes of one read at most: what a pipe holds on Linux.
READ_BYTES: Final = 64 * 1024

HINT: Final = "pipe in what `ffmpeg -i … -f mpjpeg -` or `-f image2pipe -c:v mjpeg -` writes"


class StandardInput:
    """Pictures from a file descriptor, never encoded again: live, or at `fps` where that is given.

    What is read is gone, so there is one run only.
    """

    length = None

    def __init__(self, options: SourceOptions, descriptor: int = 0) -> None:
        if options.loop:
            raise SourceError("standard input cannot be repeated; write it to a file and loop that")
        self._fps = options.fps
        self._descriptor = descriptor
        self._unread = threading.Lock()

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields the pictures that come until end of file; see `Source.pictures`.

        Raises:
            SourceError: the bytes are neither form, break its limits, cannot be read, or were
                read before.

        """
        if not self._unread.acquire(blocking=False):
            raise SourceError("standard input can be read only once, so not for each client anew")
        count = 0
        try:
            for picture in _cut(_portions(self._descriptor, stop)):
                yield self._timed(picture, count)
                count += 1
        except (MultipartError, JpegError) as error:
            raise SourceError(f"standard input: {error}") from error
        except OSError as error:
            raise SourceError(f"standard input: {error.strerror}; {HINT}") from error
        if count == 0 and not stop.is_set():
            raise SourceError(f"standard input ended without a picture; {HINT}")

    def _timed(self, picture: Picture, number: int) -> Picture:
        return picture if self._fps is None else replace(picture, offset_s=number / self._fps)


def _cut(portions: Iterator[bytes]) -> Iterator[Picture]:
    head = b""
    for portion in portions:
        head = (head + portion).lstrip(b"\r\n")
        if len(head) >= len(SOI):
            break
    everything = itertools.chain([head], portions)
    if head.startswith(SOI):
        return jpeg_pictures(everything)
    if head.startswith(b"--"):
        return multipart_pictures(everything, None)
    if head:
        raise SourceError(f"standard input is neither JPEG images nor an mpjpeg stream; {HINT}")
    return iter(())


def _portions(descriptor: int, stop: threading.Event) -> Iterator[bytes]:
    while not stop.is_set():
        readable, _, _ = select.select([descriptor], [], [], STOP_POLL_S)
        if readable:
            portion = os.read(descriptor, READ_BYTES)
            if not portion:
                return
            yield portion
