"""Runs of sources that end by themselves, whatever happens."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Iterator

from PIL import Image

from producer.sources import Picture, Source, SourceOptions, open_source

PATIENCE_S = 10.0
# What every source promises for the time from `stop` to its end.
STOP_S = 0.5


@contextlib.contextmanager
def running(source: Source) -> Iterator[tuple[Iterator[Picture], threading.Event]]:
    """Begins a run and closes it; a watchdog sets its `stop` before a test could hang."""
    stop = threading.Event()
    watchdog = threading.Timer(PATIENCE_S, stop.set)
    watchdog.start()
    try:
        with contextlib.closing(source.pictures(stop)) as pictures:
            yield pictures, stop
    finally:
        watchdog.cancel()
        watchdog.join()


def taken(source: Source, count: int | None = None) -> list[Picture]:
    """Takes so many pictures, or all there are."""
    with running(source) as (pictures, _stop):
        return list(itertools.islice(pictures, count))


def bodies(spec: str, count: int, options: SourceOptions | None = None) -> list[bytes]:
    """The bodies of so many pictures of what is named."""
    return [picture.body for picture in taken(open_source(spec, options), count)]


def seconds_to_stop(source: Source, after: int) -> float:
    """Takes so many pictures, sets `stop` while the next is waited for; tells how long it took."""
    with running(source) as (pictures, stop):
        assert len(list(itertools.islice(pictures, after))) == after
        timer = threading.Timer(0.05, stop.set)
        timer.start()
        began = time.monotonic()
        for _picture in pictures:
            pass
        return time.monotonic() - began - 0.05


def jpeg(number: int = 0, size: tuple[int, int] = (32, 24)) -> bytes:
    """A JPEG image, another one for each number."""
    out = io.BytesIO()
    Image.new("RGB", size, (number * 40 % 256, number * 90 % 256, 80)).save(out, "JPEG")
    return out.getvalue()


def size_of(body: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(body)) as image:
        return image.size
