"""Runs of sources that end by themselves, whatever happens."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator

from PIL import Image

from producer.sources import Picture, Source, SourceOptions, open_source

PATIENCE_S = 10.0
# Every source promises to end within 0.5 s after `stop`; a busy machine may take a little longer.
STOP_S = 1.5


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


def seconds_to_stop(source: Source, after: int, once: Callable[[], bool] = lambda: True) -> float:
    """Takes so many pictures, sets `stop` while the next is waited for; tells how long it took.

    `once` is what has to be true before.
    """
    stopped_s: list[float] = []

    def stop_it(stop: threading.Event) -> None:
        while not once() and not stop.wait(0.01):
            pass
        stop.wait(0.05)
        stopped_s.append(time.monotonic())
        stop.set()

    with running(source) as (pictures, stop):
        assert len(list(itertools.islice(pictures, after))) == after
        thread = threading.Thread(target=stop_it, args=(stop,))
        thread.start()
        for _picture in pictures:
            pass
        ended_s = time.monotonic()
        thread.join()
    return ended_s - stopped_s[0]


def jpeg(number: int = 0, size: tuple[int, int] = (32, 24)) -> bytes:
    """A JPEG image, another one for each number."""
    out = io.BytesIO()
    Image.new("RGB", size, (number * 40 % 256, number * 90 % 256, 80)).save(out, "JPEG")
    return out.getvalue()


def size_of(body: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(body)) as image:
        return image.size
