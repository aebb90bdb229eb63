"""A source that blocks in its reading, read in a thread of its own so that it can be left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Final, TypeAlias

from producer.sources.source import STOP_POLL_S, Picture, Pictures

# Pictures read ahead: a burst of small ones passes, a stuck publisher holds little memory.
WAITING_PICTURES: Final = 8

# Seconds to wait for the thread at the end. One that is stuck in a system call ends later.
FAREWELL_S: Final = 0.2

Run: TypeAlias = Callable[[threading.Event], Generator[Picture, None, None]]
_Handover: TypeAlias = "queue.Queue[Picture | Exception | None]"


def in_background(run: Run, stop: threading.Event, interrupt: Callable[[], None]) -> Pictures:
    """Yields what `run` yields in another thread; ends soon after `stop` is set.

    `run` gets an event that is set when nobody wants its pictures any more; `interrupt` is called
    right after that and makes a pending read return. An exception of `run` is raised here.
    """
    ended = threading.Event()
    handover: _Handover = queue.Queue(WAITING_PICTURES)
    thread = threading.Thread(
        target=_fill, args=(run, handover, ended), name="picture-source", daemon=True
    )
    thread.start()
    try:
        yield from _taken(handover, stop)
    finally:
        ended.set()
        interrupt()
        thread.join(FAREWELL_S)


def _taken(handover: _Handover, stop: threading.Event) -> Iterator[Picture]:
    while not stop.is_set():
        try:
            item = handover.get(timeout=STOP_POLL_S)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, Exception):
            raise item
        yield item


def _fill(run: Run, handover: _Handover, ended: threading.Event) -> None:
    last: Exception | None = None
    try:
        with closing(run(ended)) as pictures:
            for picture in pictures:
                if not _put(handover, picture, ended):
                    return
    except Exception as error:  # noqa: BLE001 - raised in the thread that asked for pictures
        last = error
    _put(handover, last, ended)


def _put(handover: _Handover, item: Picture | Exception | None, ended: threading.Event) -> bool:
    while not ended.is_set():
        try:
            handover.put(item, timeout=STOP_POLL_S)
        except queue.Full:
            continue
        return True
    return False
