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
from producer.sources.formats.whole import is_whole
from producer.sources.options import Order, SourceOptions
from producer.sources.source import MAX_PICTURE_BYTES, Picture, Pictures, SourceError

# Images a second unless told otherwise: quick enough to look like motion.
DEFAULT_FPS: Final = 10.0

# Files named in warnings: a folder of films beside its images must not fill the log.
MAX_NAMED: Final = 20

logger = logging.getLogger(__name__)


class Images:
    """The images of a folder, or one image file, at `fps` a second.

    What each file is, its content tells. Hidden files are not looked at; what is no image, is
    broken, cannot be read or is too large is skipped, with one warning for each file, and no more
    than `MAX_NAMED` in all. Files that come later are found by the next run or round.

    Raises:
        SourceError: there is no image.

    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._fps = options.fps or DEFAULT_FPS
        self._loop = options.loop
        self._order = options.order
        self._reader = _Reader()
        files = self._files()
        if not any(map(_is_readable, files)):
            raise self._empty()
        # A look into each of a million files takes its time: only where the number is told.
        self._count = None if self._loop else sum(map(is_image, files))

    @property
    def length(self) -> int | None:
        """Images found when the source was opened; None for a loop."""
        return self._count

    def pictures(self, stop: threading.Event) -> Pictures:
        """Yields the images in order; see `Source.pictures`.

        Raises:
            SourceError: no image is left.

        """
        number = 0
        while not stop.is_set():
            round_start = number
            for body, media_type in self._reader.images(self._files(), stop):
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
        kinds = "JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP"
        return SourceError(f"{self._path} holds no image that is whole ({kinds})")


class _Reader:
    """Reads files, and warns once of each that has to be skipped."""

    def __init__(self) -> None:
        self._named: set[Path] = set()

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
        if file in self._named or len(self._named) >= MAX_NAMED:
            return
        self._named.add(file)
        reason = error.strerror if isinstance(error, OSError) else error
        logger.warning("%s is skipped: %s", file, reason)
        if len(self._named) == MAX_NAMED:
            logger.warning("what else is skipped in %s goes without a word", file.parent)


def is_image(file: Path) -> bool:
    """Tells by its first bytes whether a file is an image."""
    try:
        with file.open("rb") as opened:
            return image_type(opened.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _is_readable(file: Path) -> bool:
    try:
        _read(file)
    except (OSError, ValueError):
        return False
    return True


def _read(file: Path) -> tuple[bytes, str]:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        media_type = image_type(head)
        if media_type is None:
            raise ValueError("no image")
        body = head + opened.read(MAX_PICTURE_BYTES)
    if len(body) > MAX_PICTURE_BYTES:
        raise ValueError(f"larger than {MAX_PICTURE_BYTES} bytes")
    if not is_whole(body, media_type):
        raise ValueError("broken or cut off")
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
