"""The test pattern."""

from __future__ import annotations

import itertools
import time

import pytest

from producer.sources import SourceOptions, open_source
from producer.sources.options import MIN_FPS
from tests.producer.sources.reading import STOP_S, running, seconds_to_stop, size_of, taken


def test_pictures_differ_and_have_the_usual_size() -> None:
    source = open_source("test", SourceOptions(fps=100))
    pictures = taken(source, 3)
    assert len({picture.body for picture in pictures}) == 3
    assert {size_of(picture.body) for picture in pictures} == {(640, 360)}
    assert source.length is None


@pytest.mark.parametrize("size", [(16, 16), (17, 400), (1280, 33)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    (picture,) = taken(open_source("test", SourceOptions(size=size)), 1)
    assert size_of(picture.body) == size


def test_pictures_come_live_at_their_rate_with_the_time_they_were_drawn() -> None:
    with running(open_source("test", SourceOptions(fps=20, size=(64, 48)))) as (pictures, _stop):
        next(pictures)
        began_ns = time.time_ns()
        later = list(itertools.islice(pictures, 4))
        took_ns = time.time_ns() - began_ns
    assert took_ns >= 0.19 * 1e9
    assert all(picture.offset_s is None for picture in later)
    times = [picture.time_ns for picture in later if picture.time_ns is not None]
    assert len(times) == 4
    assert began_ns < times[0] < times[-1] <= began_ns + took_ns


def test_a_stop_is_heeded_between_slow_pictures() -> None:
    assert seconds_to_stop(open_source("test", SourceOptions(fps=MIN_FPS)), after=1) < STOP_S


def test_a_lower_quality_costs_fewer_bytes() -> None:
    low, high = (
        taken(open_source("test", SourceOptions(quality=quality)), 1)[0] for quality in (20, 95)
    )
    assert len(low.body) < len(high.body)
