"""A viewer over TLS, on the same path as all others."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from protocol import CloseReason, Overload
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch
from tests.streamer.frames import HEAD, no_part, part

from .pair import PATIENCE_S, TlsPair

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def pair(
    io_loop: IOLoop, loop: asyncio.AbstractEventLoop, ssl_options: ssl.SSLContext, limits: Limits
) -> Iterator[TlsPair]:
    pair = TlsPair(loop, limits, ssl_options)
    io_loop.run_sync(pair.shake_hands)
    pair.begin()
    yield pair
    pair.close()
    io_loop.run_sync(lambda: asyncio.sleep(0.01))


async def test_bytes_go_out_at_once(pair: TlsPair) -> None:
    pair.client.offer(part(1, 100_000))
    assert pair.client.parts == 1
    while len(pair.received) < len(HEAD) + part(1, 100_000).size:
        await pair.read(1 << 20)
    assert pair.received == HEAD + part(1, 100_000).plain


@pytest.mark.parametrize("limits", [Limits(Overload.QUEUE)])
async def test_what_does_not_fit_follows_when_there_is_room(pair: TlsPair) -> None:
    for number in range(5):
        pair.client.offer(part(number, 1_000_000))
    assert pair.client.parts < 5
    pair.client.finish(CloseReason.STOP, no_part)
    await pair.read_to_the_end()
    assert pair.numbers == list(range(5))
    assert pair.body.closed
    assert pair.gone == [CloseReason.STOP]


@pytest.mark.parametrize("limits", [Limits(Overload.QUEUE)])
async def test_parts_that_come_together_reach_a_slow_viewer_all(pair: TlsPair) -> None:
    for number in range(0, 1_500, 25):
        pair.client.offer(Batch([part(each, 1_500) for each in range(number, number + 25)]))
        await pair.read(1 << 12)
    assert pair.client.parts < 1_500
    pair.client.finish(CloseReason.STOP, no_part)
    await pair.read_to_the_end()
    assert pair.numbers == list(range(1_500))
    assert pair.gone == [CloseReason.STOP]


async def test_a_slow_viewer_gets_whole_parts_and_the_newest(pair: TlsPair) -> None:
    for number in range(100):
        pair.client.offer(part(number, 100_000))
        if number % 3 == 0:
            await pair.read(1 << 14)
    pair.client.finish(CloseReason.STOP, no_part)
    await pair.read_to_the_end()
    numbers = pair.numbers
    assert pair.body.closed
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 99
    assert len(numbers) < 60
    assert pair.client.parts == len(numbers)


async def test_the_end_says_goodbye_so_that_nobody_can_cut_the_stream_short(pair: TlsPair) -> None:
    pair.client.finish(CloseReason.STOP)
    # An end without close_notify would raise SSLEOFError here.
    await pair.read_to_the_end()
    assert pair.body.closed


async def test_a_viewer_that_leaves_is_noticed(pair: TlsPair) -> None:
    pair.client.offer(part(1))
    pair.peer.close()
    async with asyncio.timeout(PATIENCE_S):
        while pair.gone != [CloseReason.CLIENT]:
            await asyncio.sleep(0.001)


async def test_a_viewer_that_says_goodbye_has_left(pair: TlsPair) -> None:
    assert isinstance(pair.peer, ssl.SSLSocket)
    await pair.read(1000)
    with pytest.raises(ssl.SSLWantReadError):
        pair.peer.unwrap()
    async with asyncio.timeout(PATIENCE_S):
        while pair.gone != [CloseReason.CLIENT]:
            await asyncio.sleep(0.001)


async def test_whatever_a_viewer_still_says_is_no_matter(pair: TlsPair) -> None:
    pair.peer.send(b"more" * 5000)
    await asyncio.sleep(0.01)
    pair.client.offer(part(1))
    pair.client.finish(CloseReason.STOP)
    await pair.read_to_the_end()
    assert pair.numbers == [1]
    assert pair.body.closed


async def test_a_closed_connection_takes_nothing_and_raises_nothing(pair: TlsPair) -> None:
    pair.client.abort(CloseReason.SHUTDOWN)
    assert pair.connection.write(b"x") == 0
    pair.connection.end()
    assert pair.gone == [CloseReason.SHUTDOWN]


async def test_an_end_to_a_viewer_that_has_reset_raises_nothing(pair: TlsPair) -> None:
    pair.peer.close()
    for number in range(5):
        pair.client.offer(part(number, 100_000))
    pair.client.finish(CloseReason.STOP)
    async with asyncio.timeout(PATIENCE_S):
        while not pair.gone:
            await asyncio.sleep(0.001)
    assert len(pair.gone) == 1
