"""Reading in a thread of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from producer.sources import Picture, Pictures
from producer.sources.background import in_background


def nothing() -> None:
    """Nothing to interrupt."""


def endless(ended: threading.Event) -> Pictures:
    for number in itertools.count():
        yield Picture(b"%d" % number)
        if ended.is_set():
            return


def test_pictures_come_in_order_and_none_is_lost() -> None:
    pictures = in_background(endless, threading.Event(), nothing)
    assert [picture.body for picture in itertools.islice(pictures, 50)] == [
        b"%d" % number for number in range(50)
    ]
    pictures.close()
    assert not any(thread.name == "picture-source" for thread in threading.enumerate())


def test_the_end_of_a_run_is_the_end() -> None:
    def run(_ended: threading.Event) -> Pictures:
        yield Picture(b"only")

    pictures = in_background(run, threading.Event(), nothing)
    assert [picture.body for picture in pictures] == [b"only"]


def test_an_error_is_raised_where_the_pictures_are_wanted() -> None:
    def run(_ended: threading.Event) -> Pictures:
        yield Picture(b"first")
        raise ValueError("then this")

    pictures = in_background(run, threading.Event(), nothing)
    assert next(pictures).body == b"first"
    with pytest.raises(ValueError, match="then this"):
        next(pictures)


def test_a_stuck_read_is_interrupted() -> None:
    released = threading.Event()
    closed = threading.Event()

    def run(_ended: threading.Event) -> Pictures:
        try:
            yield Picture(b"first")
            released.wait(10)
        finally:
            closed.set()

    stop = threading.Event()
    interrupt: Callable[[], None] = released.set
    pictures = in_background(run, stop, interrupt)
    assert next(pictures).body == b"first"
    stop.set()
    assert list(pictures) == []
    assert closed.wait(5)
