"""How a service ends: drained first, then every client in good order."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
import zmq
from tornado.iostream import StreamClosedError

from protocol import ClosedConnection, CloseReason, Event, Goodbye, NoConnection, decode_notice
from tests.streamer.frames import jpeg
from tests.streamer.http.served import eventually
from tests.streamer.http.viewer import Viewer

from .running import Running

pytestmark = pytest.mark.gen_test(timeout=60)
Context = zmq.Context[zmq.Socket[bytes]]


async def test_every_client_is_ended_in_good_order() -> None:
    async with Running() as running:
        viewers = [await running.ask(f"/streams/cam{number}") for number in range(3)]
        running.shut_down()
        for viewer in viewers:
            assert (await viewer.rest()).endswith(b"--\r\n")


async def test_the_producers_hear_of_every_client_and_of_the_end(context: Context) -> None:
    async with Running() as running:
        with context.socket(zmq.SUB) as sock:
            sock.subscribe(b"")
            sock.connect(running.addresses.events[0])
            await eventually(lambda: sock.poll(0), "a first heartbeat")
            viewer = await running.ask()
            running.shut_down()
            await viewer.rest()
            await running.task
            events: list[Event] = []
            while not events or events[-1] != Goodbye():
                assert sock.poll(20_000)
                events.append(decode_notice(sock.recv_multipart()).event)
    ends = [each for each in events if isinstance(each, ClosedConnection | NoConnection | Goodbye)]
    assert isinstance(ends[0], ClosedConnection)
    assert ends[0].reason is CloseReason.SHUTDOWN
    assert ends[1:] == [NoConnection("cam1"), Goodbye()]


async def stuck_viewer(running: Running, context: Context) -> Viewer:
    """Returns a viewer that reads nothing of a part that is larger than all buffers."""
    stuck = await running.ask("/streams/stuck", receive_buffer=4096)
    with context.socket(zmq.XPUB) as producer:
        producer.connect(running.addresses.frames[0])
        await eventually(lambda: producer.poll(0), "a subscription")
        async with asyncio.timeout(20):
            while not (await running.streams())["stuck"]["skipped"]:
                producer.send_multipart([b"all/stuck/", b"", jpeg(1, 3_000_000)])
    return stuck


async def test_who_cannot_be_ended_in_good_order_is_cut_off_and_the_others_are_not(
    context: Context,
) -> None:
    async with Running() as running:
        stuck, healthy = await stuck_viewer(running, context), await running.ask()
        running.shut_down()
        assert (await healthy.rest()).endswith(b"--\r\n")
        await running.task
        with pytest.raises(StreamClosedError):
            await stuck.stream.read_until(b"--\r\n--\r\n")


async def test_who_comes_over_a_kept_connection_at_the_end_is_ended_in_good_order_too(
    context: Context,
) -> None:
    async with Running() as running:
        kept = await running.ask("/healthz")
        await kept.answer()
        await stuck_viewer(running, context)  # keeps the end waiting
        healthy = await running.ask()
        running.shut_down()
        await healthy.rest()
        await kept.stream.write(b"GET /streams/cam1 HTTP/1.1\r\nHost: test\r\n\r\n")
        await kept.read_head()
        if kept.status == 200:
            assert (await kept.rest()).endswith(b"--\r\n")
        else:
            assert kept.status == 503


async def test_a_kept_connection_is_closed() -> None:
    async with Running() as running:
        kept = await running.ask("/healthz")
        await kept.answer()
        running.shut_down()
        assert await kept.rest() == b""
        await running.task


async def test_while_draining_it_serves_and_is_not_ready() -> None:
    async with Running(drain_s=1.0) as running:
        viewer = await running.ask()
        running.shut_down()
        await eventually_status(running, "/readyz", 503)
        assert await running.status("/healthz") == 200
        late = await running.ask()
        assert late.status == 200
        for each in (viewer, late):
            assert (await each.rest()).endswith(b"--\r\n")


async def test_clients_can_be_ended_over_a_while_so_that_they_do_not_all_come_back_at_once() -> (
    None
):
    async with Running(spread_s=1.0) as running:
        viewers = [await running.ask() for _ in range(20)]
        running.shut_down()
        ended_at: list[float] = []

        async def watch(at: int) -> None:
            assert (await viewers[at].rest()).endswith(b"--\r\n")
            ended_at.append(time.monotonic())

        await asyncio.gather(*(watch(at) for at in range(20)))
    gaps = [later - earlier for earlier, later in pairwise(ended_at)]
    # Two in each tenth of a second: they went in ten groups.
    assert sum(gap > 0.05 for gap in gaps) >= 5


async def eventually_status(running: Running, path: str, status: int) -> None:
    async with asyncio.timeout(20):
        while await running.status(path) != status:
            await asyncio.sleep(0.01)
