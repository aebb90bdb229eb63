"""Image files: a folder of them, or one."""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from producer.sources.formats.media_type import HEAD_BYTES, image_type
from producer.sources.options import Order, SourceOptions
from producer.sources.source import MAX_PICTURE_BYTES, Picture, Pictures, SourceError

# Images a second unless told otherwise: quick enough to look like motion.
DEFAULT_FPS: Final = 10.0

logger = logging.getLogger(__name__)


class Images:
    """The images of a folder, or one image file, at `fps` a second.

    What each file is, its content tells. Hidden files are not looked at; what is no image, cannot
    be read or is too large is skipped, and each run warns of the first such file. Files that come
    later are found by the next run or round.

    Raises:
        SourceError: there is no image.

    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._fps = options.fps or DEFAULT_FPS
        self._loop = options.loop
        self._order = options.order
        self._count = sum(map(is_image, self._files()))
        if self._count == 0:
            raise self._empty()

    @property
    def length(self) -> int | None:
        """Images found when the source was opened; None for a loop."""
        return None if self._loop else self._count

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields the images in order; see `Source.pictures`.

        Raises:
            SourceError: no image is left.

        """
        number = 0
        reader = _Reader()
        while not stop.is_set():
            round_start = number
            for body, media_type in reader.images(self._files(), stop):
                yield Picture(body, media_type, offset_s=number / self._fps)
                number += 1
            if number == round_start and not stop.is_set():
                raise self._empty()
            if not self._loop:
                return

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        try:
            files = [path for path in self._path.iterdir() if _is_candidate(path)]
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error
        return _ordered(files, self._order)

    def _empty(self) -> SourceError:
        return SourceError(f"{self._path} holds no image (JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP)")


class _Reader:
    """Reads files in one run, and warns of the first that has to be skipped."""

    def __init__(self) -> None:
        self._warned = False

    def images(self, files: list[Path], stop: threading.Event) -> Iterator[tuple[bytes, str]]:
        for file in files:
            if stop.is_set():
                return
            try:
                image = _read(file)
            except (OSError, ValueError) as error:
                self._warn(file, error)
            else:
                yield image

    def _warn(self, file: Path, error: OSError | ValueError) -> None:
        if not self._warned:
            reason = error.strerror if isinstance(error, OSError) else error
            logger.warning("%s is skipped, and so are others like it: %s", file, reason)
        self._warned = True


def is_image(file: Path) -> bool:
    """Tells by its first bytes whether a file is an image."""
    try:
        with file.open("rb") as opened:
            return image_type(opened.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _read(file: Path) -> tuple[bytes, str]:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        media_type = image_type(head)
        if media_type is None:
            raise ValueError("no image")
        body = head + opened.read(MAX_PICTURE_BYTES)
    if len(body) > MAX_PICTURE_BYTES:
        raise ValueError(f"larger than {MAX_PICTURE_BYTES} bytes")
    return body, media_type


def _is_candidate(path: Path) -> bool:
    # A pipe in the folder would block its reader.
    return not path.name.startswith(".") and path.is_file()


def _ordered(files: list[Path], order: Order) -> list[Path]:
    match order:
        case Order.NAME:
            return sorted(files, key=_natural)
        case Order.TIME:
            return sorted(files, key=lambda file: (_modified_ns(file), _natural(file)))
        case Order.RANDOM:
            return random.sample(files, len(files))


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """Orders names as people count: `frame9` before `frame10`."""
    pieces = re.findall(r"\d+|\D+", file.name.casefold())
    # A number goes before a word.
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def _modified_ns(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # gone meanwhile; reading it will tell
        return 0
