"""Pictures cut out of bytes that come in portions. No I/O but that of the portions' maker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from producer.sources.formats.jpeg import JpegSplitter, looks_whole
from producer.sources.formats.media_type import HEAD_BYTES, image_type
from producer.sources.formats.multipart import MultipartDecoder
from producer.sources.formats.part import Part, timestamp_ns
from producer.sources.formats.whole import is_whole
from producer.sources.source import MAX_PICTURE_BYTES, Picture
from protocol import MalformedError, check_media_type


class StillError(Exception):
    """Bytes that are no image to publish; the text says why."""


def multipart_pictures(portions: Iterable[bytes], boundary: str | None) -> Iterator[Picture]:
    """Yields the parts of a multipart stream until its closing delimiter; empty ones are left out.

    Raises:
        MultipartError: the bytes are no multipart stream within the limits.

    """
    decoder = MultipartDecoder(boundary, looks_whole=looks_whole)
    for portion in portions:
        yield from _pictures(decoder.feed(portion))
        if decoder.closed:
            return
    yield from _pictures(decoder.finish())


def jpeg_pictures(portions: Iterable[bytes]) -> Iterator[Picture]:
    """Yields concatenated JPEG images.

    Raises:
        JpegError: an image is too large.

    """
    splitter = JpegSplitter()
    for portion in portions:
        for image in splitter.feed(portion):
            yield Picture(image)


def still_picture(portions: Iterable[bytes]) -> Picture:
    """Returns all portions as one image.

    Raises:
        StillError: they are no image whatever they are called, are broken or too large.

    """
    body = bytearray()
    for portion in portions:
        body += portion
        if len(body) > MAX_PICTURE_BYTES:
            raise StillError(f"an image is larger than {MAX_PICTURE_BYTES} bytes")
    image = bytes(body)
    media_type = image_type(image[:HEAD_BYTES])
    if media_type is None:
        raise StillError("it answers something that is no image, though it says so")
    # Where no length is told, a connection that is cut looks like an end.
    if not is_whole(image, media_type):
        raise StillError("its image is broken or cut off")
    return Picture(image, media_type)


def _pictures(parts: Iterable[Part]) -> Iterator[Picture]:
    for part in parts:
        if part.body:
            yield Picture(
                part.body,
                _content_type(part),
                time_ns=timestamp_ns(part.headers.get("x-timestamp", "")),
            )


def _content_type(part: Part) -> str:
    """Returns the type that a part's bytes tell; where they tell none, the one it names.

    Cameras call JPEG image/jpg or application/octet-stream, too, which players refuse.
    """
    try:
        named = check_media_type(part.headers.get("content-type"))
    except MalformedError:
        named = "application/octet-stream"
    # A text may well begin with the two letters of a bitmap.
    if named.startswith("text/"):
        return named
    return image_type(part.body[:HEAD_BYTES]) or named
