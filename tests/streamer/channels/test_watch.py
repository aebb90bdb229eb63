"""A ZeroMQ socket is watched from the event loop, one budget a turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import zmq

from streamer.channels.watch import SAFETY_POLL_S, Watch, has_message

pytestmark = pytest.mark.gen_test(timeout=30)
Context = zmq.Context[zmq.Socket[bytes]]
Sockets = tuple[zmq.Socket[bytes], zmq.Socket[bytes]]


@pytest.fixture
def sockets(context: Context) -> Iterator[Sockets]:
    receiving, sending = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    for each in (receiving, sending):
        each.setsockopt(zmq.RCVHWM, 0)
        each.setsockopt(zmq.SNDHWM, 0)
    receiving.bind("inproc://watched")
    sending.connect("inproc://watched")
    yield receiving, sending
    receiving.close(0)
    sending.close(0)


class Drained:
    """Takes messages as they come, so many in one turn."""

    def __init__(self, sock: zmq.Socket[bytes], a_turn: int = 1000) -> None:
        self.taken: list[bytes] = []
        self.turns = 0
        self._socket = sock
        self._a_turn = a_turn

    def __call__(self) -> bool:
        self.turns += 1
        for _ in range(self._a_turn):
            if not has_message(self._socket):
                return False
            self.taken.append(self._socket.recv(zmq.NOBLOCK))
        return True

    async def until(self, number: int) -> None:
        async with asyncio.timeout(20):
            while len(self.taken) < number:
                await asyncio.sleep(0)


async def test_what_waited_before_is_taken_at_once(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    receiving, sending = sockets
    sending.send(b"early")
    drained = Drained(receiving)
    watch = Watch([receiving], loop, drained)
    await drained.until(1)
    watch.close()


async def test_no_message_is_missed_however_they_come(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    receiving, sending = sockets
    drained = Drained(receiving, a_turn=7)
    watch = Watch([receiving], loop, drained)
    for number in range(1000):
        sending.send(b"%d" % number)
        if number % 13 == 0:
            await asyncio.sleep(0)
    await drained.until(1000)
    assert drained.taken == [b"%d" % number for number in range(1000)]
    watch.close()


async def test_a_further_socket_wakes_the_same_turn(
    sockets: Sockets, context: Context, loop: asyncio.AbstractEventLoop
) -> None:
    receiving, sending = sockets
    with context.socket(zmq.PULL) as silent:
        drained = Drained(receiving)
        watch = Watch([silent, receiving], loop, drained)
        began = time.monotonic()
        for number in range(1, 21):
            sending.send(b"news")
            await drained.until(number)
        # Without an edge each would be found by the look at what seems to rest.
        assert time.monotonic() - began < 20 * SAFETY_POLL_S / 2
        watch.close()


async def test_others_have_their_turn_between_two_budgets(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    receiving, sending = sockets
    for _ in range(100):
        sending.send(b"flood")
    drained = Drained(receiving, a_turn=10)
    watch = Watch([receiving], loop, drained)
    seen = [0]
    async with asyncio.timeout(20):
        while seen[-1] < 100:
            await asyncio.sleep(0)
            seen.append(len(drained.taken))
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 10
    watch.close()


async def test_a_socket_at_rest_is_looked_at_now_and_then(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    drained = Drained(sockets[0])
    watch = Watch([sockets[0]], loop, drained)
    began = time.monotonic()
    async with asyncio.timeout(20):
        while drained.turns < 4:
            await asyncio.sleep(0.001)
    # A lost edge costs no more than the pause between two looks, and a look is no busy loop.
    assert time.monotonic() - began >= 2 * SAFETY_POLL_S
    watch.close()


async def test_a_turn_that_is_asked_for_twice_comes_once(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    drained = Drained(sockets[0])
    watch = Watch([sockets[0]], loop, drained)
    watch.schedule()
    watch.schedule()
    await asyncio.sleep(0)
    assert drained.turns == 1
    watch.schedule()
    watch.schedule()
    await asyncio.sleep(0)
    assert drained.turns == 2
    watch.close()


async def test_after_the_end_nothing_is_taken(
    sockets: Sockets, loop: asyncio.AbstractEventLoop
) -> None:
    receiving, sending = sockets
    drained = Drained(receiving)
    watch = Watch([receiving], loop, drained)
    watch.close()
    sending.send(b"late")
    watch.schedule()
    await asyncio.sleep(2 * SAFETY_POLL_S)
    assert (drained.turns, drained.taken) == (0, [])
