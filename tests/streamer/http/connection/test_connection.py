"""A viewer's socket: takes bytes without waiting, says when there is room, ends cleanly."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from protocol import CloseReason, Overload
from streamer.http.connection import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES
from tests.streamer.frames import HEAD, no_part, part

from .pair import PATIENCE_S, Connect, Pair

pytestmark = pytest.mark.gen_test(timeout=60)


async def until(pair: Pair, reasons: list[CloseReason]) -> None:
    """Waits until the connection has said that it ended, and of what."""
    async with asyncio.timeout(PATIENCE_S):
        while pair.gone != reasons:
            await asyncio.sleep(0.001)


async def test_bytes_go_out_at_once(connect: Connect) -> None:
    pair = connect()
    pair.client.offer(part(1))
    assert pair.client.parts == 1
    await pair.read(1000)
    assert pair.received == HEAD + part(1).plain


async def test_what_does_not_fit_follows_when_there_is_room(connect: Connect) -> None:
    pair = connect(overload=Overload.QUEUE, receive_buffer=65_536)
    for number in range(20):
        pair.client.offer(part(number, 200_000))
    assert pair.client.parts < 20
    pair.client.finish(CloseReason.STOP, no_part)
    await pair.read_to_the_end()
    assert pair.numbers == list(range(20))
    assert pair.body.closed
    assert pair.gone == [CloseReason.STOP]


async def test_the_end_is_clean_although_the_viewer_has_said_more(connect: Connect) -> None:
    pair = connect()
    pair.peer.send(b"GET /more HTTP/1.1\r\n\r\n" * 100)
    pair.client.offer(part(1, 100_000))
    pair.client.finish(CloseReason.STOP)
    await pair.read_to_the_end()
    assert pair.body.closed
    pair.peer.close()
    await until(pair, [CloseReason.STOP])


async def test_after_the_end_the_socket_is_closed_when_the_viewer_closes(connect: Connect) -> None:
    pair = connect()
    pair.client.finish(CloseReason.STOP)
    assert pair.gone == [CloseReason.STOP]
    assert pair.served.fileno() >= 0
    pair.peer.close()
    async with asyncio.timeout(PATIENCE_S):
        while pair.served.fileno() >= 0:
            await asyncio.sleep(0.001)
    assert pair.gone == [CloseReason.STOP]


async def test_a_viewer_that_stays_after_the_end_is_closed_after_a_while(connect: Connect) -> None:
    pair = connect()
    pair.client.finish(CloseReason.STOP)
    async with asyncio.timeout(PATIENCE_S):
        while pair.served.fileno() >= 0:
            await asyncio.sleep(0.01)
    await pair.read_to_the_end()
    assert pair.body.closed


async def test_a_viewer_that_leaves_is_noticed_without_a_frame(connect: Connect) -> None:
    pair = connect()
    pair.peer.close()
    await until(pair, [CloseReason.CLIENT])


async def test_a_viewer_that_resets_is_noticed(connect: Connect) -> None:
    pair = connect()
    pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.peer.close()
    await until(pair, [CloseReason.CLIENT])


async def test_a_write_to_a_viewer_that_has_left_ends_it_and_raises_nothing(
    connect: Connect,
) -> None:
    pair = connect()
    pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.peer.close()
    for number in range(10):
        pair.client.offer(part(number, 100_000))
    assert pair.gone == [CloseReason.CLIENT]


async def test_a_viewer_that_is_cut_off_is_reset(connect: Connect) -> None:
    pair = connect(receive_buffer=4096)
    for number in range(50):
        pair.client.offer(part(number, 100_000))
    pair.client.abort(CloseReason.STALLED)
    assert pair.gone == [CloseReason.STALLED]
    with pytest.raises(ConnectionResetError):
        await pair.read_to_the_end()
    async with asyncio.timeout(PATIENCE_S):
        while pair.tasks:
            await asyncio.sleep(0.001)


async def test_who_leaves_while_parts_wait_leaves_nothing_behind(connect: Connect) -> None:
    pair = connect(receive_buffer=4096)
    for number in range(50):
        pair.client.offer(part(number, 100_000))
    assert pair.tasks
    pair.peer.close()
    await until(pair, [CloseReason.CLIENT])
    async with asyncio.timeout(PATIENCE_S):
        while pair.tasks:
            await asyncio.sleep(0.001)
    assert pair.served.fileno() == -1


async def test_a_closed_connection_takes_nothing_and_raises_nothing(connect: Connect) -> None:
    pair = connect()
    connection = pair.connection
    connection.abort()
    assert connection.write(b"x") == 0
    assert (connection.unacknowledged(), connection.unsent()) == (0, 0)
    connection.stay_fresh(True)
    connection.resume_later()
    connection.end()
    connection.abort()
    async with asyncio.timeout(PATIENCE_S):
        await connection.flush()
    assert pair.gone == [CloseReason.CLIENT]
    assert not pair.tasks


async def test_an_end_to_a_viewer_that_has_reset_raises_nothing(connect: Connect) -> None:
    pair = connect()
    pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.peer.close()
    pair.connection.end()
    assert pair.gone == [CloseReason.CLIENT]
    assert pair.served.fileno() == -1


async def test_who_is_ended_while_room_is_awaited_leaves_nothing_behind(connect: Connect) -> None:
    pair = connect(receive_buffer=4096, client_buffer_bytes=65_536)
    for number in range(10):
        pair.client.offer(part(number, 20_000))
    assert pair.client.behind
    pair.client.finish(CloseReason.STOP)
    await pair.read_to_the_end()
    assert pair.body.closed
    assert pair.gone == [CloseReason.STOP]
    async with asyncio.timeout(PATIENCE_S):
        while pair.tasks:
            await asyncio.sleep(0.001)


async def test_flush_returns_when_there_is_room(connect: Connect) -> None:
    pair = connect(receive_buffer=4096)
    async with asyncio.timeout(PATIENCE_S):
        await pair.connection.flush()
    while pair.connection.write(bytes(100_000)) == 100_000:
        pass
    flushed = asyncio.ensure_future(pair.connection.flush())
    await asyncio.sleep(0.01)
    assert not flushed.done()
    while not flushed.done():
        await pair.read_what_is_there()


async def test_what_waits_is_counted_by_the_system(connect: Connect) -> None:
    pair = connect(receive_buffer=4096)
    written = 0
    while accepted := pair.connection.write(bytes(100_000)):
        written += accepted
    waiting = pair.connection.unacknowledged()
    assert 0 < pair.connection.unsent() <= waiting <= written
    while pair.connection.unacknowledged():
        await pair.read_what_is_there()
    assert pair.connection.unsent() == 0


async def test_a_dead_viewer_is_noticed_in_the_longest_silence(connect: Connect) -> None:
    sock = connect().served
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    found = [
        sock.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    ]
    assert found == [KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES]
    assert sum(found[:2]) <= 60


async def test_a_part_leaves_without_waiting_for_more(connect: Connect) -> None:
    assert connect().served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
