"""What a client that is behind keeps in memory."""

from __future__ import annotations

import sys

from streamer.fanout.backlog import HELD_PARTS, Backlog
from streamer.fanout.part import Part
from tests.streamer.frames import part, targeted


def kept(parts: list[Part]) -> list[int]:
    """Returns which of these parts a backlog keeps that was told to hold each in turn."""
    backlog = Backlog()
    before = _references(parts)
    for each in parts:
        backlog.hold(each)
    del each
    return [
        number
        for number, (then, now) in enumerate(zip(before, _references(parts), strict=True))
        if now > then
    ]


def _references(parts: list[Part]) -> list[int]:
    return [sys.getrefcount(each) for each in parts]


def test_of_parts_for_all_those_replaced_last_are_kept_too() -> None:
    assert kept([part(number) for number in range(10)]) == list(range(10))[-HELD_PARTS:]


def test_of_parts_for_one_client_alone_the_newest_is_kept() -> None:
    assert kept([targeted(number) for number in range(10)]) == [9]
