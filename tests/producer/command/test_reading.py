"""A source that is read on the event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from producer.command.reading import read
from producer.sources import Picture, Pictures, SourceError


class Numbers:
    """A source of so many pictures; then it waits, breaks or ends."""

    length = None

    def __init__(self, count: int, *, waits: bool = False, breaks: bool = False) -> None:
        self._count = count
        self._waits = waits
        self._breaks = breaks
        self.closed = threading.Event()

    def pictures(self, stop: threading.Event) -> Pictures:
        try:
            for number in range(self._count):
                yield Picture(b"%d" % number)
            if self._waits:
                stop.wait()
            if self._breaks:
                raise SourceError("broken")
        finally:
            self.closed.set()


async def bodies(source: Numbers) -> list[bytes]:
    return [picture.body async for picture in read(source)]


def test_all_pictures_come_in_order_and_the_run_is_closed() -> None:
    source = Numbers(3)
    assert asyncio.run(bodies(source)) == [b"0", b"1", b"2"]
    assert source.closed.is_set()


def test_an_error_of_the_source_is_raised() -> None:
    with pytest.raises(SourceError, match="broken"):
        asyncio.run(bodies(Numbers(1, breaks=True)))


def test_who_leaves_early_closes_the_run() -> None:
    async def scenario(source: Numbers) -> None:
        async with aclosing(read(source)) as pictures:
            assert (await anext(pictures)).body == b"0"
        assert source.closed.is_set()

    asyncio.run(scenario(Numbers(3)))


def test_a_read_that_waits_is_stopped_when_its_reader_is_cancelled() -> None:
    async def scenario(source: Numbers) -> None:
        read_one = asyncio.Event()

        async def take() -> None:
            async with aclosing(read(source)) as pictures:
                async for _ in pictures:
                    read_one.set()

        task = asyncio.create_task(take())
        await read_one.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed.is_set()

    asyncio.run(scenario(Numbers(1, waits=True)))


def test_the_event_loop_goes_on_while_a_source_is_waited_for() -> None:
    async def scenario(source: Numbers) -> int:
        turns = 0
        task = asyncio.create_task(bodies(source))
        while turns < 100:
            await asyncio.sleep(0)
            turns += 1
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return turns

    assert asyncio.run(scenario(Numbers(1, waits=True))) == 100
