"""A service in one piece: behind a proxy, beside other workers, on a socket that is still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq

from protocol import ClosedConnection, CloseReason, NewConnection, StreamEvent, decode_notice
from streamer.configuration.settings import StreamSettings
from streamer.service import Place
from tests.streamer.frames import jpeg
from tests.streamer.http.served import eventually

from .running import Running

pytestmark = pytest.mark.gen_test(timeout=60)
Context = zmq.Context[zmq.Socket[bytes]]


async def the_first(kind: type[StreamEvent], sock: zmq.Socket[bytes]) -> Any:
    """Waits for the first event of a kind."""
    async with asyncio.timeout(20):
        while True:
            await eventually(lambda: sock.poll(0), "an event")
            event = decode_notice(sock.recv_multipart()).event
            if isinstance(event, kind):
                return event


@pytest.mark.parametrize(
    ("trusted", "is_peer"),
    [
        (True, lambda peer: peer == "203.0.113.9"),
        (False, lambda peer: peer.startswith("127.0.0.1:")),
    ],
)
async def test_a_proxys_word_for_the_viewer_counts_where_it_is_trusted(
    context: Context, trusted: bool, is_peer: Callable[[str], bool]
) -> None:
    async with Running(trust_proxy=trusted) as running:
        with context.socket(zmq.SUB) as sock:
            sock.subscribe(b"")
            sock.connect(running.addresses.events[0])
            await eventually(lambda: sock.poll(0), "a first heartbeat")
            await running.ask(headers=["X-Forwarded-For: 203.0.113.9"])
            assert is_peer((await the_first(NewConnection, sock)).peer)


async def test_a_client_that_accepts_nothing_is_closed_as_stalled(context: Context) -> None:
    streams = (("cam*", StreamSettings(stall_timeout_s=0.5)),)
    async with Running(streams=streams) as running:
        with context.socket(zmq.SUB) as sock, context.socket(zmq.XPUB) as producer:
            sock.subscribe(b"")
            sock.connect(running.addresses.events[0])
            producer.connect(running.addresses.frames[0])
            await eventually(lambda: sock.poll(0) and producer.poll(0), "both ends")
            await running.ask(receive_buffer=4096)
            for number in range(30):
                producer.send_multipart([b"all/cam1/", b"", jpeg(number, 100_000)])
            closed = await the_first(ClosedConnection, sock)
            assert closed.reason is CloseReason.STALLED


async def test_a_still_picture_is_repeated_without_anything_else_happening(
    context: Context,
) -> None:
    streams = (("cam*", StreamSettings(repeat_after_s=0.2)),)
    async with Running(streams=streams) as running:
        with context.socket(zmq.XPUB) as producer:
            producer.connect(running.addresses.frames[0])
            await eventually(lambda: producer.poll(0), "a subscription")
            viewer = await running.ask()
            producer.send_multipart([b"all/cam1/", b"", jpeg(5)])
            assert await viewer.parts(2) == [5, 5]
            assert (await running.streams())["cam1"]["repeats"] == 1


async def test_a_stop_whose_frame_never_comes_takes_effect_by_itself(context: Context) -> None:
    async with Running() as running:
        with context.socket(zmq.XPUB) as producer:
            producer.connect(running.addresses.frames[0])
            await eventually(lambda: producer.poll(0), "a subscription")
            viewer = await running.ask()
            header = b"\x82\xa4type\xa4stop\xa3seq\x63"  # msgpack: {"type": "stop", "seq": 99}
            producer.send_multipart([b"all/cam1/", header, b""])
            assert (await viewer.rest()).endswith(b"--\r\n")


async def test_workers_that_share_a_folder_speak_for_each_other(tmp_path: Path) -> None:
    place = Place(folder=tmp_path)
    async with Running(place=place) as first, Running(place=place) as second:
        viewers = [await each.ask() for each in (first, second, second)]
        assert len(viewers) == 3
        for each in (first, second):
            assert (await each.streams())["cam1"]["connections"] == 3


async def test_with_watched_streams_alone_a_viewer_brings_its_stream(context: Context) -> None:
    async with Running(subscribe="watched") as running:
        with context.socket(zmq.XPUB) as producer:
            producer.connect(running.addresses.frames[0])
            await eventually(lambda: producer.poll(0), "the node's own subscription")
            assert producer.recv().startswith(b"\x01one/")
            viewer = await running.ask()
            await eventually(lambda: producer.poll(0), "a subscription")
            assert producer.recv() == b"\x01all/cam1/"
            producer.send_multipart([b"all/cam1/", b"", jpeg(5)])
            assert await viewer.parts(1) == [5]
