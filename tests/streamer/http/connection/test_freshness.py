"""What waits for a slow viewer is bounded, and what it sees is fresh: in bytes and in parts."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from itertools import pairwise

import pytest

from protocol import CloseReason
from tests.streamer.frames import HEAD, no_part, part, sized

from .pair import Connect, Pair

pytestmark = pytest.mark.gen_test(timeout=60)


def waiting(pair: Pair, offered: int, size: int) -> int:
    """Returns the bytes that wait for a client, in the system and here."""
    client = pair.client
    here = (offered - client.parts - client.skipped) * size
    return pair.connection.unacknowledged() + here


@pytest.mark.parametrize(
    ("buffer", "size"),
    [(65_536, 20_000), (262_144, 50_000), (65_536, 1500), (16_384, 1500), (8_192, 1500)],
)
async def test_for_a_viewer_that_reads_nothing_no_more_waits_than_its_buffer(
    connect: Connect, buffer: int, size: int
) -> None:
    pair = connect(client_buffer_bytes=buffer, receive_buffer=4096)
    most = 0
    for number in range(1000):
        pair.client.offer(sized(number, size))
        most = max(most, pair.connection.unacknowledged())
        # One part may be under way, and counts here and there; the newest one is held.
        assert waiting(pair, number + 1, size) <= buffer + 2 * size
        if number % 50 == 0:
            await asyncio.sleep(0)
    assert most <= buffer
    assert pair.client.skipped > 0


async def test_the_parts_it_gets_afterwards_are_those_that_waited_and_the_newest(
    connect: Connect,
) -> None:
    buffer, size = 262_144, 20_000
    pair = connect(client_buffer_bytes=buffer, receive_buffer=4096)
    for number in range(300):
        pair.client.offer(sized(number, size))
    pair.client.finish(CloseReason.STOP, no_part)
    await pair.read_to_the_end()
    numbers = pair.numbers
    assert numbers[:-1] == list(range(len(numbers) - 1))
    assert numbers[-1] == 299
    # What its own system has taken comes on top of the buffer.
    assert len(numbers) * size <= buffer + 150_000


async def test_a_viewer_that_reads_again_gets_the_newest_part_without_waiting_for_another(
    connect: Connect,
) -> None:
    pair = connect(client_buffer_bytes=65_536, receive_buffer=4096)
    for number in range(100):
        pair.client.offer(sized(number, 20_000))
    while 99 not in (pair.numbers if len(pair.received) > 100 else []):
        await pair.read(1 << 16)
    assert pair.client.parts + pair.client.skipped == 100


async def test_a_viewer_at_a_fifth_of_the_rate_sees_parts_two_of_its_own_part_times_old(
    connect: Connect,
) -> None:
    size, share = 200_000, 5
    pair = connect(client_buffer_bytes=262_144, receive_buffer=32_768)
    read_when_newest_was: list[int] = []
    for newest in range(200):
        pair.client.offer(sized(newest, size))
        left = size // share
        while left > 0:
            left -= await pair.read(left)
            await asyncio.sleep(0)
        read_when_newest_was.append(len(pair.received) - len(HEAD))
    ages = [
        bisect_left(read_when_newest_was, (at + 1) * size) - number
        for at, number in enumerate(pair.numbers)
    ]
    assert len(ages) > 20
    # The backlog from before it fell behind comes first.
    assert max(ages[6:]) <= 2 * share + 1
    assert all(later > earlier for earlier, later in pairwise(pair.numbers))


async def test_a_viewer_that_keeps_up_skips_nothing(connect: Connect) -> None:
    pair = connect(client_buffer_bytes=262_144)
    for number in range(200):
        pair.client.offer(part(number, 50_000))
        while len(pair.received) < 50_000 * (number + 1):
            await pair.read(1 << 20)
    assert pair.client.skipped == 0
    assert pair.numbers == list(range(200))
