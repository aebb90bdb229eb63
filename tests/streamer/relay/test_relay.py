"""The relay forwards both channels, passes subscriptions on, and counts what it carries."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import warnings
from collections.abc import Iterator
from typing import Any, Self

import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families

from streamer.errors import StartError
from streamer.relay.service import RelayAddresses, run
from streamer.relay.settings import RelaySettings
from tests.streamer.http.served import eventually
from tests.streamer.http.viewer import Viewer

pytestmark = pytest.mark.gen_test(timeout=60)
Context = zmq.Context[zmq.Socket[bytes]]
ENDS = ("producer_frames", "producer_events", "streamer_frames", "streamer_events")
ANYWHERE = dict.fromkeys(ENDS, "tcp://127.0.0.1:0")


class Running:
    """A relay that runs until it is told to shut down."""

    addresses: RelayAddresses

    def __init__(self, **settings: Any) -> None:
        self._settings = RelaySettings(**{**ANYWHERE, **settings})
        self._shutdown = asyncio.Event()

    async def __aenter__(self) -> Self:
        announced: asyncio.Queue[RelayAddresses] = asyncio.Queue()
        self.task = asyncio.create_task(run(self._settings, self._shutdown, announced.put_nowait))
        first = asyncio.create_task(announced.get())
        await asyncio.wait({self.task, first}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            await self.task
        self.addresses = await first
        return self

    async def __aexit__(self, *_: object) -> None:
        self._shutdown.set()
        await self.task

    async def get(self, path: str) -> bytes:
        viewer = await Viewer.ask(int(self.addresses.http.rsplit(":", 1)[1]), path)
        answer = await viewer.answer()
        viewer.close()
        assert viewer.status == 200
        return answer

    async def carried(self, figure: str) -> dict[str, float]:
        """Returns a figure of both channels."""
        text = (await self.get("/metrics")).decode()
        return {
            each.labels["channel"]: each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
            if each.name == f"partcast_relay_{figure}_total"
        }


class Ends:
    """Sockets of producers and streamers, closed after the test."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sockets: list[zmq.Socket[bytes]] = []

    def open(self, kind: int, address: str, *topics: bytes) -> zmq.Socket[bytes]:
        sock = self._context.socket(kind)
        self._sockets.append(sock)
        for topic in topics:
            sock.subscribe(topic)
        sock.connect(address)
        return sock

    def close(self) -> None:
        for sock in self._sockets:
            sock.close(0)


@pytest.fixture
def ends(context: Context) -> Iterator[Ends]:
    ends = Ends(context)
    yield ends
    ends.close()


async def received(sock: zmq.Socket[bytes]) -> list[bytes]:
    await eventually(lambda: sock.poll(0), "a message")
    return list(sock.recv_multipart())


async def test_a_message_far_beyond_the_limit_costs_its_sender_the_connection_and_is_counted(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    async with Running(http="127.0.0.1:0", max_frame_bytes=100_000) as relay:
        subscriber = ends.open(zmq.SUB, relay.addresses.streamer_frames, b"all/")
        producer = ends.open(zmq.XPUB, relay.addresses.producer_frames)
        producer.setsockopt(zmq.XPUB_VERBOSER, 1)
        assert await received(producer) == [b"\1all/"]
        producer.send_multipart([b"all/cam1/", b"", bytes(100_000_000)])
        assert await received(producer) == [b"\1all/"]  # on a new connection
        producer.send_multipart([b"all/cam1/", b"", b"fine"])
        assert (await received(subscriber))[2] == b"fine"
        counted = b'partcast_relay_refused_messages_total{reason="too_large"} 1.0'
        while counted not in await relay.get("/metrics"):
            await asyncio.sleep(0.01)
    assert re.search(r"reason=too_large .*127\.0\.0\.1:\d+ was cut.* 67108864 bytes", caplog.text)


async def test_frames_go_from_a_producer_to_the_streamers_that_asked_for_them(ends: Ends) -> None:
    async with Running() as relay:
        addresses = relay.addresses
        cam1 = ends.open(zmq.SUB, addresses.streamer_frames, b"all/cam1/")
        cam2 = ends.open(zmq.SUB, addresses.streamer_frames, b"all/cam2/")
        producer = ends.open(zmq.XPUB, addresses.producer_frames)
        wanted = {(await received(producer))[0] for _ in range(2)}
        assert wanted == {b"\x01all/cam1/", b"\x01all/cam2/"}
        for number in range(10):
            producer.send_multipart([b"all/cam1/", b"", b"%d" % number])
        producer.send_multipart([b"all/cam2/", b"", b"x"])
        for number in range(10):
            assert await received(cam1) == [b"all/cam1/", b"", b"%d" % number]
        assert await received(cam2) == [b"all/cam2/", b"", b"x"]


async def test_what_nobody_watches_does_not_leave_its_producer(ends: Ends) -> None:
    async with Running(http="127.0.0.1:0") as relay:
        addresses = relay.addresses
        watching = ends.open(zmq.SUB, addresses.streamer_frames, b"all/cam1/")
        producer = ends.open(zmq.XPUB, addresses.producer_frames)
        await received(producer)
        for _ in range(100):
            producer.send_multipart([b"all/cam2/", b"", bytes(1000)])
        producer.send_multipart([b"all/cam1/", b"", b"last"])
        await received(watching)
        assert (await relay.carried("messages"))["frames"] == 3
        assert (await relay.carried("bytes"))["frames"] == len(b"all/cam1/last")


async def test_events_go_from_a_streamer_to_the_producers(ends: Ends) -> None:
    async with Running() as relay:
        addresses = relay.addresses
        producer = ends.open(zmq.SUB, addresses.producer_events, b"event/cam1/")
        streamer = ends.open(zmq.XPUB, addresses.streamer_events)
        assert await received(streamer) == [b"\x01event/cam1/"]
        streamer.send_multipart([b"event/cam1/", b"body"])
        assert await received(producer) == [b"event/cam1/", b"body"]


async def test_a_repeated_subscription_to_events_reaches_the_streamer_too(ends: Ends) -> None:
    async with Running() as relay:
        streamer = ends.open(zmq.XPUB, relay.addresses.streamer_events)
        streamer.setsockopt(zmq.XPUB_VERBOSE, 1)
        for _ in range(3):
            ends.open(zmq.SUB, relay.addresses.producer_events, b"event/cam1/")
            assert await received(streamer) == [b"\x01event/cam1/"]


async def test_relays_stand_in_a_row(ends: Ends) -> None:
    async with (
        Running() as near,
        Running(
            upstream_frames=(near.addresses.streamer_frames,),
            upstream_events=(near.addresses.streamer_events,),
        ) as far,
    ):
        watching = ends.open(zmq.SUB, far.addresses.streamer_frames, b"all/cam1/")
        producer = ends.open(zmq.XPUB, near.addresses.producer_frames)
        assert await received(producer) == [b"\x01all/cam1/"]
        producer.send_multipart([b"all/cam1/", b"", b"frame"])
        assert await received(watching) == [b"all/cam1/", b"", b"frame"]
        listening = ends.open(zmq.SUB, near.addresses.producer_events, b"event/")
        streamer = ends.open(zmq.XPUB, far.addresses.streamer_events)
        assert await received(streamer) == [b"\x01event/"]
        streamer.send_multipart([b"event/cam1/", b"body"])
        assert await received(listening) == [b"event/cam1/", b"body"]


async def test_without_http_it_serves_none() -> None:
    async with Running() as relay:
        assert relay.addresses.http == ""


@pytest.mark.parametrize("key", [*ENDS, "http"])
async def test_an_address_in_use_is_named_and_nothing_is_left_open(key: str) -> None:
    problems: list[str] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        value = address if key == "http" else f"tcp://{address}"
        try:
            async with Running(**{key: value}):
                problems.append("none: it has started")
        except StartError as error:
            problems.append(str(error))
        gc.collect()
    shown = f"http {address}" if key == "http" else value
    assert problems == [f"{shown}: Address already in use"]
    left_open = [str(each.message) for each in caught if "('0.0.0.0', 0)" not in str(each.message)]
    assert left_open == []
