"""What the producers are told, and how a subscription to it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import zmq

from protocol import (
    Credit,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Notice,
    Overload,
    Snapshot,
    decode_notice,
)
from streamer.channels.notifier import (
    Notifier,
    subscribed_streams,
)
from streamer.configuration.settings import Settings
from tests.streamer.fanout.hub.node import Node

Context = zmq.Context[zmq.Socket[bytes]]

WATCHED = ["cam1", "cam10", "door"]


@pytest.mark.parametrize(
    ("subscription", "streams"),
    [
        (b"event/cam1/", ["cam1"]),
        (b"event/cam10/", ["cam10"]),
        # Its own topic asks for a stream, whether anybody watches it or not.
        (b"event/yard/", ["yard"]),
        (b"event/cam", ["cam1", "cam10"]),
        (b"event/cam1", ["cam1", "cam10"]),
        (b"event/", ["cam1", "cam10", "door"]),
        (b"ev", ["cam1", "cam10", "door"]),
        (b"", ["cam1", "cam10", "door"]),
        (b"event/yard", []),
        (b"event/cam1/x", []),
        (b"event/cam1//", []),
        (b"event/.cam/", []),
        (b"event//", []),
        (b"node/abcd/", []),
        (b"node/", []),
        (b"one/cam1/", []),
        (b"\xff\xfe/", []),
        (b"event/c\xe4m/", []),
    ],
)
def test_a_topic_asks_for_its_stream_and_a_prefix_for_all_that_are_watched(
    subscription: bytes, streams: list[str]
) -> None:
    assert subscribed_streams(subscription, WATCHED) == streams


class Listened:
    """A notifier with a hub behind it, and a producer that listens."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        settings = Settings(bind_events="tcp://127.0.0.1:0", heartbeat_interval_s=0.5)
        self.notifier = Notifier(context, settings, "abcd", loop)
        self.node = Node()
        self.node.on_event = self.notifier.notify
        self._context = context
        self._sockets: list[zmq.Socket[bytes]] = []

    def listen(self, *topics: bytes) -> zmq.Socket[bytes]:
        sock = self._context.socket(zmq.SUB)
        self._sockets.append(sock)
        for topic in topics:
            sock.subscribe(topic)
        sock.connect(self.notifier.endpoints[0])
        return sock

    def close(self) -> None:
        for sock in self._sockets:
            sock.close(0)


@pytest.fixture
def listened(context: Context, loop: asyncio.AbstractEventLoop) -> Iterator[Listened]:
    listened = Listened(context, loop)
    yield listened
    listened.close()


async def heard(sock: zmq.Socket[bytes], number: int) -> list[Notice]:
    """Waits until so many messages have come."""
    notices: list[Notice] = []
    async with asyncio.timeout(20):
        while len(notices) < number:
            while sock.poll(0):
                notices.append(decode_notice(sock.recv_multipart()))
            await asyncio.sleep(0.001)
    return notices


@pytest.mark.gen_test(timeout=30)
async def test_events_are_numbered_for_each_topic_and_the_goodbye_is_the_last(
    listened: Listened,
) -> None:
    listened.notifier.start(listened.node.hub)
    first, second = listened.node.join("cam1"), listened.node.join("cam2")
    sock = listened.listen(b"")
    await heard(sock, 2)
    began = time.time_ns()
    first.leave()
    second.leave()
    listened.notifier.heartbeat(listened.node.now)
    listened.notifier.close()
    notices = await heard(sock, 6)
    assert [(each.seq, type(each.event).__name__) for each in notices] == [
        (3, "ClosedConnection"),
        (4, "NoConnection"),
        (3, "ClosedConnection"),
        (4, "NoConnection"),
        (1, "Heartbeat"),
        (2, "Goodbye"),
    ]
    assert {each.node for each in notices} == {"abcd"}
    assert all(began <= each.time <= time.time_ns() for each in notices)
    assert notices[1].event == NoConnection("cam1")
    assert notices[-1].event == Goodbye()
    assert listened.notifier.published == 10


@pytest.mark.gen_test(timeout=30)
async def test_a_heartbeat_tells_when_the_next_one_comes_and_how_the_streams_are(
    listened: Listened,
) -> None:
    listened.notifier.start(listened.node.hub)
    listened.node.join("cam1")
    sock = listened.listen(b"event/cam1/", b"node/abcd/")
    await heard(sock, 1)
    listened.notifier.heartbeat(listened.node.now)
    (notice,) = await heard(sock, 1)
    assert isinstance(notice.event, Heartbeat)
    assert notice.event.interval == 0.5
    assert notice.event.streams["cam1"].connections == 1
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_every_subscription_is_answered_with_who_watches_a_repeated_one_too(
    listened: Listened,
) -> None:
    listened.notifier.start(listened.node.hub)
    viewer = listened.node.join("cam1", query={"n": "5"})
    first = listened.listen(b"event/cam1/")
    (notice,) = await heard(first, 1)
    assert isinstance(notice.event, Snapshot)
    assert (notice.event.connections, notice.event.clients[0].client) == (1, viewer.id)
    assert notice.event.clients[0].query == {"n": "5"}
    second = listened.listen(b"event/cam1/")
    for sock in (first, second):
        (again,) = await heard(sock, 1)
        # The state and what happens after it are one numbered row, without a gap.
        assert (again.seq, again.event) == (notice.seq + 1, notice.event)
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_a_subscription_to_a_prefix_is_answered_for_each_stream_that_has_clients(
    listened: Listened,
) -> None:
    listened.notifier.start(listened.node.hub)
    for stream in ("cam1", "cam2", "door"):
        listened.node.join(stream)
    listened.node.join("cam3").leave()
    notices = await heard(listened.listen(b"event/cam"), 2)
    assert [each.event.stream for each in notices if isinstance(each.event, Snapshot)] == [
        "cam1",
        "cam2",
    ]
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_an_event_of_every_kind_travels(listened: Listened) -> None:
    listened.notifier.start(listened.node.hub)
    sock = listened.listen(b"event/")
    opened = NewConnection("cam1", "abcd-1", 1, "", {"ü": "東"}, Overload.QUEUE, 4)
    async with asyncio.timeout(20):
        while not sock.poll(0):  # until the subscription has arrived
            listened.notifier.notify(opened)
            await asyncio.sleep(0.001)
    assert (await heard(sock, 1))[0].event == opened
    listened.notifier.notify(Credit("cam1", "abcd-1", 3))
    async with asyncio.timeout(20):
        while (await heard(sock, 1))[-1].event != Credit("cam1", "abcd-1", 3):
            pass
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_questions_for_streams_that_are_not_there_take_no_memory_for_good(
    listened: Listened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.channels.notifier.TOPICS_REMEMBERED", 100)
    listened.notifier.start(listened.node.hub)
    sock = listened.listen(b"event/cam0/")
    assert (await heard(sock, 1))[0].seq == 1
    for _ in range(4):
        listened.notifier.notify(Snapshot("cam0", 0, ()))
    assert [each.seq for each in await heard(sock, 4)] == [2, 3, 4, 5]
    for number in range(1, 101):
        listened.notifier.notify(Snapshot(f"cam{number}", 0, ()))
    for _ in range(3):
        listened.notifier.notify(Snapshot("cam0", 0, ()))
    # A producer takes what is forgotten for a gap, and asks again; an older number it would drop.
    numbers = [each.seq for each in await heard(sock, 3)]
    assert numbers[0] > 5
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_who_stops_listening_is_not_answered(listened: Listened) -> None:
    listened.notifier.start(listened.node.hub)
    leaving, staying = listened.listen(b"event/cam1/"), listened.listen(b"event/cam2/")
    await heard(leaving, 1)
    await heard(staying, 1)
    leaving.close(0)
    await asyncio.sleep(0.05)
    assert listened.notifier.published == 2
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_many_subscriptions_leave_others_their_turn(listened: Listened) -> None:
    listened.node.join("cam1")
    listeners = [listened.listen(b"event/cam1/") for _ in range(200)]
    listened.notifier.start(listened.node.hub)
    answers = [listened.notifier.published]
    async with asyncio.timeout(20):
        while answers[-1] < 1 + len(listeners):
            await asyncio.sleep(0)
            answers.append(listened.notifier.published)
    most = max(later - earlier for earlier, later in pairwise(answers))
    assert most <= 64
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_snapshots_of_many_clients_leave_others_their_turn(
    listened: Listened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.channels.notifier.TURN_CLIENTS", 5)
    for _ in range(3):
        listened.node.join("cam1")
    listeners = [listened.listen(b"event/cam1/") for _ in range(20)]
    before = listened.notifier.published
    listened.notifier.start(listened.node.hub)
    answers = [before]
    async with asyncio.timeout(20):
        while answers[-1] < before + len(listeners):
            await asyncio.sleep(0)
            answers.append(listened.notifier.published)
    assert max(later - earlier for earlier, later in pairwise(answers)) <= 4  # in two turns
    listened.notifier.close()


# A subscriber's greeting and its word that it is ready (ZMTP 3.0).
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x19\x05READY\x0bSocket-Type" + (3).to_bytes(4) + b"SUB"


@pytest.mark.gen_test(timeout=30)
async def test_who_sends_what_is_no_subscription_is_cut_and_takes_no_memory(
    listened: Listened,
) -> None:
    listened.notifier.start(listened.node.hub)
    healthy = listened.listen(b"event/cam1/")
    await heard(healthy, 1)
    port = int(listened.notifier.endpoints[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GREETING + READY + b"\x02" + (2_000_000).to_bytes(8) + b"\x01")
    with contextlib.suppress(ConnectionResetError):
        await reader.read()  # to its end
    writer.close()
    listened.notifier.notify(Credit("cam1", "abcd-1", 3))
    assert (await heard(healthy, 1))[0].event == Credit("cam1", "abcd-1", 3)
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_before_its_start_a_notifier_has_no_heartbeat(listened: Listened) -> None:
    listened.notifier.heartbeat(0.0)
    assert listened.notifier.published == 0
    listened.notifier.close()


@pytest.mark.gen_test(timeout=30)
async def test_an_endpoint_in_use_is_named(
    listened: Listened, context: Context, loop: asyncio.AbstractEventLoop
) -> None:
    used = listened.notifier.endpoints[0]
    with pytest.raises(zmq.ZMQError, match="Address already in use"):
        Notifier(context, Settings(bind_events=used), "abcd", loop)
    listened.notifier.close()
