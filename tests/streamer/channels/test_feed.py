"""Frames come in over ZeroMQ, and never keep the event loop for long."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgpack
import pytest
import zmq

from protocol import Message, Refusal, encode
from streamer.channels.feed import Feed
from streamer.configuration.settings import Settings
from tests.streamer.fanout.hub.node import Node
from tests.streamer.frames import frame, frame_for, jpeg, stop

pytestmark = pytest.mark.gen_test(timeout=60)
Context = zmq.Context[zmq.Socket[bytes]]
ANY_PORT = "tcp://127.0.0.1:0"


class Published:
    """A feed, the hub behind it, and a producer that is nothing but a socket."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self.node = Node()
        self._context = context
        self._loop = loop
        self._socket: zmq.Socket[bytes] | None = None
        self.subscriptions: set[bytes] = set()

    def start(self, *, clock: Callable[[], float] = time.monotonic, **settings: object) -> None:
        given = Settings(bind_frames=ANY_PORT, **settings)  # type: ignore[arg-type]
        self.feed = Feed(self._context, given, "node", self.node.hub, clock, self._loop)
        self.feed.start()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(self.feed.endpoints[0])

    async def subscribed(self, *topics: bytes) -> None:
        """Waits until the feed takes these topics, and no others."""
        async with asyncio.timeout(20):
            while self.subscriptions != set(topics):
                await asyncio.sleep(0.001)
                self._look()

    def _look(self) -> None:
        assert self._socket is not None
        while self._socket.poll(0):
            message = self._socket.recv()
            change = self.subscriptions.add if message[0] else self.subscriptions.discard
            change(message[1:])

    def send(self, *frames: bytes) -> None:
        assert self._socket is not None
        self._socket.send_multipart(frames)

    async def received(self, number: int) -> None:
        """Waits until so many messages came in and were carried on."""
        async with asyncio.timeout(20):
            while self.feed.received < number or self.node.hub.working:
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.feed.close()
        if self._socket is not None:
            self._socket.close(0)


@pytest.fixture
def published(context: Context, loop: asyncio.AbstractEventLoop) -> Iterator[Published]:
    published = Published(context, loop)
    yield published
    published.close()


async def test_frames_and_stops_reach_the_clients(published: Published) -> None:
    published.start()
    viewer = published.node.join()
    await published.subscribed(b"all/", b"one/node-")
    messages: list[Message] = [frame(1), frame_for(viewer.id, 2), frame(3), stop()]
    for each in messages:
        published.send(*encode(each))
    await published.received(4)
    assert viewer.numbers == [1, 2, 3]
    assert viewer.body.closed
    assert published.feed.received_bytes == sum(len(b"".join(encode(each))) for each in messages)


async def test_the_topics_are_those_of_the_allowed_streams(published: Published) -> None:
    published.start(allow_streams=("cam*", "door"))
    await published.subscribed(b"all/cam", b"all/door/", b"one/node-")


async def test_watched_streams_alone_are_taken_where_that_is_asked_for(
    published: Published,
) -> None:
    now = 100.0
    published.start(subscribe="watched", clock=lambda: now)
    await published.subscribed(b"one/node-")
    viewer = published.node.join("cam1")
    for _ in range(3):
        published.feed.follow()
    await published.subscribed(b"one/node-", b"all/cam1/")
    viewer.leave()
    now += 60
    published.feed.follow()
    await published.subscribed(b"one/node-")


async def test_a_stream_that_is_let_go_shows_its_last_frame_no_more(published: Published) -> None:
    now = 100.0
    published.start(subscribe="watched", clock=lambda: now)
    viewer = published.node.join("cam1")
    published.feed.follow()
    await published.subscribed(b"one/node-", b"all/cam1/")
    published.send(*encode(frame(1)))
    await published.received(1)
    viewer.leave()
    now += 60
    assert published.node.join("cam1").numbers == [1]
    published.node.watchers[-1].leave()
    published.feed.follow()
    assert published.node.join("cam1").numbers == []
    assert published.node.figures().frames == 1


async def test_where_all_are_taken_nobody_is_followed(published: Published) -> None:
    published.start()
    published.node.join("cam1")
    published.feed.follow()
    await published.subscribed(b"all/", b"one/node-")


BAD: list[tuple[Refusal, tuple[bytes, ...]]] = [
    (Refusal.FRAME_COUNT, (b"all/cam1/",)),
    (Refusal.FRAME_COUNT, (b"all/cam1/", b"", jpeg(0), b"more")),
    (Refusal.BAD_TOPIC, (b"all/cam1", b"", jpeg(0))),
    (Refusal.BAD_MSGPACK, (b"all/cam1/", b"\xc1", jpeg(0))),
    (Refusal.BAD_TYPE, (b"all/cam1/", msgpack.packb({"time": -1}), jpeg(0))),
    (Refusal.BAD_HEADER, (b"all/cam1/", msgpack.packb({"headers": {"X\r\n": "z"}}), jpeg(0))),
    (Refusal.TOO_LARGE, (b"all/cam1/", b"", jpeg(0, 100_001))),
    (Refusal.TOO_LARGE, (b"all/cam1/", b"\x80" * 2000, jpeg(0))),
    (Refusal.BAD_IMAGE, (b"all/cam1/", b"", b"no picture")),
    (Refusal.TOO_MANY_STREAMS, (b"all/cam999/", b"", jpeg(0))),
]


async def test_what_is_malformed_is_counted_by_reason_logged_once_and_disturbs_nobody(
    published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    published.node = Node(max_streams=1)
    published.start(max_frame_bytes=100_000, max_header_bytes=1000)
    viewer = published.node.join()
    await published.subscribed(b"all/", b"one/node-")
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            for _, frames in BAD:
                published.send(*frames)
        published.send(*encode(frame(7)))
        await published.received(20 * len(BAD) + 1)
    assert viewer.numbers == [7]
    expected: dict[Refusal, int] = {}
    for reason, _ in BAD:
        expected[reason] = expected.get(reason, 0) + 20
    assert published.feed.refused == expected
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == len(expected)
    assert all(any(f"reason={reason.value} " in line for line in lines) for reason in expected)
    assert all(" topic='all/cam" in line for line in lines)


async def test_a_message_far_beyond_the_limit_costs_its_sender_the_connection_and_is_counted(
    published: Published, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    """It disturbs nobody else."""
    published.start(max_frame_bytes=100_000)
    viewer = published.node.join()
    await published.subscribed(b"all/", b"one/node-")
    with context.socket(zmq.XPUB) as hostile:
        hostile.setsockopt(zmq.LINGER, 0)
        hostile.connect(published.feed.endpoints[0])
        while not hostile.poll(0):
            await asyncio.sleep(0.001)
        hostile.send_multipart([b"all/cam1/", b"", jpeg(0, 100_000_000)])
        for number in range(1, 20):
            published.send(*encode(frame(number)))
        await published.received(19)
        async with asyncio.timeout(20):
            while not published.feed.refused:
                await asyncio.sleep(0.001)
    assert viewer.numbers == list(range(1, 20))
    assert published.feed.refused == {Refusal.TOO_LARGE: 1}
    assert re.search(r"reason=too_large .*127\.0\.0\.1:\d+ was cut.* 67108864 bytes", caplog.text)


async def test_a_publisher_that_leaves_is_no_refusal(
    published: Published, context: Context
) -> None:
    published.start()
    await published.subscribed(b"all/", b"one/node-")
    for _ in range(5):
        with context.socket(zmq.XPUB) as leaving:
            leaving.setsockopt(zmq.LINGER, 1000)
            leaving.connect(published.feed.endpoints[0])
            while not leaving.poll(0):
                await asyncio.sleep(0.001)
            before = published.feed.received
            for number in range(100):
                leaving.send_multipart(encode(frame(number, size=100_000)))
        async with asyncio.timeout(20):
            while published.feed.received < before + 100:
                await asyncio.sleep(0.001)
    # One that is cut is judged behind those that have left.
    with context.socket(zmq.XPUB) as hostile:
        hostile.setsockopt(zmq.LINGER, 0)
        hostile.connect(published.feed.endpoints[0])
        while not hostile.poll(0):
            await asyncio.sleep(0.001)
        hostile.send_multipart([b"all/cam1/", b"", jpeg(0, 100_000_000)])
        async with asyncio.timeout(20):
            while not published.feed.refused or published.feed._monitor._settling:
                await asyncio.sleep(0.001)
    assert published.feed.refused == {Refusal.TOO_LARGE: 1}


async def test_frames_that_wait_together_go_out_in_one_write(published: Published) -> None:
    published.start()
    viewer = published.node.join()
    await published.subscribed(b"all/", b"one/node-")
    viewer.calls.clear()
    for number in range(10):
        published.send(*encode(frame(number)))
    time.sleep(0.1)  # noqa: ASYNC251  the event loop is busy with something else
    await published.received(10)
    assert viewer.numbers == list(range(10))
    assert viewer.calls["write"] <= 3


class Impatient:
    """A clock by which every look finds the budget used up."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.parametrize(("number", "size"), [(200, 50_000), (2000, 10)])
async def test_a_flood_has_a_budget_in_messages_and_bytes_each_turn(
    published: Published, number: int, size: int
) -> None:
    published.start(clock=Impatient(), frames_hwm=100_000)
    await published.subscribed(b"all/", b"one/node-")
    for each in range(number):
        published.send(*encode(frame(each, size)))
    seen: list[tuple[int, int]] = [(0, 0)]
    async with asyncio.timeout(20):
        while seen[-1][0] < number:
            await asyncio.sleep(0)
            seen.append((published.feed.received, published.feed.received_bytes))
    for (messages, taken), (messages_later, taken_later) in pairwise(seen):
        assert messages_later - messages <= 64
        assert taken_later - taken <= 256 * 1024 + size + 20


async def test_a_fan_out_to_thousands_has_a_budget_in_clients_each_turn(
    published: Published,
) -> None:
    published.start(clock=Impatient())
    viewers = [published.node.join() for _ in range(1000)]
    await published.subscribed(b"all/", b"one/node-")
    for number in range(3):
        published.send(*encode(frame(number, 140_000)))  # too large to be joined
    written = [sum(each.calls["write"] for each in viewers)]
    async with asyncio.timeout(30):
        while written[-1] < 4 * 1000:
            await asyncio.sleep(0)
            written.append(sum(each.calls["write"] for each in viewers))
    assert max(later - earlier for earlier, later in pairwise(written)) <= 100
    assert all(each.numbers == [0, 1, 2] for each in viewers[::100])


async def test_a_new_client_has_its_turn_in_the_middle_of_a_fan_out(published: Published) -> None:
    published.start(clock=Impatient())
    viewers = [published.node.join() for _ in range(1000)]
    await published.subscribed(b"all/", b"one/node-")
    published.send(*encode(frame(1)))
    async with asyncio.timeout(20):
        while not viewers[0].numbers:
            await asyncio.sleep(0)
    assert not viewers[-1].numbers
    assert published.node.join().numbers == [1]
    await published.received(1)
    assert viewers[-1].numbers == [1]


async def test_a_stop_comes_through_a_flood_on_a_socket_of_its_own(
    published: Published, context: Context
) -> None:
    published.start()
    viewer = published.node.join()
    await published.subscribed(b"all/", b"one/node-")
    with context.socket(zmq.XPUB) as control:
        control.connect(published.feed.endpoints[0])
        while not control.poll(0):
            await asyncio.sleep(0.001)
        for number in range(5000):
            published.send(*encode(frame(number, 1000)))
        control.send_multipart(encode(stop()))
        async with asyncio.timeout(20):
            while not viewer.left:
                await asyncio.sleep(0)
    assert viewer.body.closed


class Relayed:
    """A feed behind a relay, which is nothing but the socket that nodes connect to."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self.node = Node()
        self._socket = context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.SNDHWM, 256)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("tcp://127.0.0.1:*")
        endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        settings = Settings(connect_frames=(endpoint,), connect_events=(endpoint,))
        self.feed = Feed(context, settings, "node", self.node.hub, time.monotonic, loop)
        self.feed.start()
        assert self.feed.endpoints == [endpoint]

    async def subscribed(self) -> None:
        subscriptions: set[bytes] = set()
        async with asyncio.timeout(20):
            while subscriptions != {b"\1all/", b"\1all/?node", b"\1one/node-"}:
                await asyncio.sleep(0.001)
                while self._socket.poll(0):
                    subscriptions.add(self._socket.recv())

    def send(self, message: Message) -> None:
        self._socket.send_multipart(encode(message))

    def close(self) -> None:
        self.feed.close()
        self._socket.close(0)


@pytest.fixture
def relayed(context: Context, loop: asyncio.AbstractEventLoop) -> Iterator[Relayed]:
    relayed = Relayed(context, loop)
    yield relayed
    relayed.close()


async def test_behind_a_relay_a_flood_of_shared_frames_drops_no_targeted_one(
    relayed: Relayed,
) -> None:
    watching, served = relayed.node.join(), relayed.node.join("clip")
    await relayed.subscribed()
    for number in range(20_000):
        relayed.send(frame(number, 1000))
    for number in range(100):
        relayed.send(frame_for(served.id, number))
    async with asyncio.timeout(20):
        while len(served.numbers) < 100:
            await asyncio.sleep(0.001)
    assert served.numbers == list(range(100))
    assert 0 < len(watching.numbers) < 20_000  # the relay had to drop some


async def test_where_it_binds_and_connects_each_frame_comes_once(
    published: Published, context: Context
) -> None:
    with context.socket(zmq.XPUB) as relay:
        relay.setsockopt(zmq.LINGER, 0)
        relay.bind("tcp://127.0.0.1:*")
        endpoint = relay.getsockopt_string(zmq.LAST_ENDPOINT)
        published.start(connect_frames=(endpoint,))
        viewer = published.node.join()
        await published.subscribed(b"all/", b"one/node-")
        heard: set[bytes] = set()
        async with asyncio.timeout(20):
            while not heard >= {b"\1all/", b"\1one/node-"}:
                await asyncio.sleep(0.001)
                while relay.poll(0):
                    heard.add(relay.recv())
        published.send(*encode(frame(1)))
        published.send(*encode(frame_for(viewer.id, 2)))
        relay.send_multipart(encode(frame(3)))
        relay.send_multipart(encode(frame_for(viewer.id, 4)))
        relay.send_multipart(encode(stop()))
        async with asyncio.timeout(20):
            while not viewer.left:
                await asyncio.sleep(0.001)
        await published.received(5)
    assert sorted(viewer.numbers)[:3] == [1, 2, 3]
    assert published.feed.received == 5


async def test_behind_a_relay_shared_and_targeted_frames_have_their_turn_alternately(
    relayed: Relayed,
) -> None:
    watching, served = relayed.node.join(), relayed.node.join("clip")
    await relayed.subscribed()
    for number in range(100):
        relayed.send(frame(number, 10_000))
        relayed.send(frame_for(served.id, number, 10_000))
    time.sleep(0.3)  # noqa: ASYNC251  all wait for the feed, while the event loop is busy
    seen: list[tuple[int, int]] = []
    async with asyncio.timeout(20):
        while not seen or seen[-1] != (100, 100):
            await asyncio.sleep(0)
            seen.append((len(watching.numbers), len(served.numbers)))
    assert max(abs(shared - targeted) for shared, targeted in seen) <= 32


async def test_an_endpoint_in_use_is_named(
    published: Published, context: Context, loop: asyncio.AbstractEventLoop
) -> None:
    published.start()
    used = published.feed.endpoints[0]
    with pytest.raises(zmq.ZMQError, match="Address already in use"):
        Feed(context, Settings(bind_frames=used), "node", Node().hub, time.monotonic, loop)


async def test_a_feed_that_was_never_started_can_be_woken_and_closed(
    context: Context, loop: asyncio.AbstractEventLoop
) -> None:
    settings = Settings(bind_frames=ANY_PORT)
    feed = Feed(context, settings, "node", Node().hub, time.monotonic, loop)
    feed.wake()
    assert not feed.polled.is_set()
    feed.close()
