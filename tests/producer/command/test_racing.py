"""Works of which the first to be done ends the others."""

from __future__ import annotations

import asyncio

import pytest

from producer.command.racing import first_of


class Endless:
    """A work that never comes to its end by itself, and takes note of how it ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = False

    async def run(self) -> str:
        try:
            self.begun.set()
            await asyncio.Event().wait()
            return "never"
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def done(word: str) -> str:
    await asyncio.sleep(0)
    return word


async def broken() -> str:
    await asyncio.sleep(0)
    raise ValueError("broken")


def test_the_first_to_be_done_counts_and_the_others_have_ended() -> None:
    async def scenario() -> None:
        endless = Endless()
        assert await first_of(endless.run(), done("done")) == "done"
        assert endless.ended

    asyncio.run(scenario())


def test_an_error_is_raised_and_the_others_have_ended() -> None:
    async def scenario() -> None:
        endless = Endless()
        with pytest.raises(ValueError, match="broken"):
            await first_of(endless.run(), broken())
        assert endless.ended

    asyncio.run(scenario())


def test_of_several_that_are_done_the_first_in_order_counts() -> None:
    assert asyncio.run(first_of(done("one"), done("other"))) == "one"


def test_who_is_cancelled_ends_them_all() -> None:
    async def scenario() -> None:
        works = [Endless(), Endless()]
        race = asyncio.create_task(first_of(*(each.run() for each in works)))
        for each in works:
            await each.begun.wait()
        race.cancel()
        with pytest.raises(asyncio.CancelledError):
            await race
        assert all(each.ended for each in works)

    asyncio.run(scenario())
