"""The producer library with real streamers, relays and viewers."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from producer import (
    AsyncClient,
    AsyncProducer,
    Client,
    ClientGone,
    ClosedConnection,
    CloseReason,
    Event,
    Heartbeat,
    NewConnection,
    NoConnection,
    Producer,
)

from .processes import PATIENCE_S, Command, Starter, Viewer, eventually, jpeg, number_of

CLIP = '[streams."clip*"]\noverload = "queue"\nwindow = 4\n'
# More than the system's own buffers hold, so that a viewer who does not read is felt.
PARTS, PART_BYTES = 200, 40_000


@pytest.fixture
def streamer(start: Starter) -> Command:
    return start.streamer(config=CLIP)


@pytest.fixture
def producer(streamer: Command) -> Iterator[Producer]:
    with made(streamer) as producer:
        assert producer.wait_for_streamer(PATIENCE_S)
        yield producer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


def made(command: Command) -> Producer:
    """Returns a producer for a streamer or relay."""
    names = ("frames", "events") if "frames" in command.addresses else _PRODUCER_SIDE
    return Producer(*(command.addresses[name] for name in names))


_PRODUCER_SIDE = ("producer-frames", "producer-events")


def watch(streamer: Command, stream: str, number: int = 1, **options: int) -> list[Viewer]:
    return [
        Viewer(streamer.port, f"/streams/{stream}?n={n}", receive_buffer=options.get("buffer"))
        for n in range(number)
    ]


def numbers(viewer: Viewer) -> list[int]:
    """Returns the numbers of all parts up to the clean end."""
    return [number_of(part.body) for part in viewer.rest()]


def play(client: Client, size: int = PART_BYTES) -> None:
    for number in range(PARTS):
        client.publish(jpeg(number, size), timeout_s=PATIENCE_S)
    client.stop()


def reasons(events: list[Event]) -> dict[str, CloseReason]:
    return {each.client: each.reason for each in events if isinstance(each, ClosedConnection)}


class Following(threading.Thread):
    """Takes the events of a stream as they come."""

    def __init__(self, producer: Producer, stream: str | None) -> None:
        super().__init__(daemon=True)
        self._events = producer.events(stream)
        self.heard: list[Event] = []
        self.start()

    def run(self) -> None:
        self.heard.extend(self._events)


# One stream for all.


def test_the_shortest_script_is_watched(streamer: Command) -> None:
    (viewer,) = watch(streamer, "cam1")
    with made(streamer) as producer:
        number = 0
        while number < 50 and producer.wait_for_clients("cam1", PATIENCE_S):
            assert producer.publish("cam1", jpeg(number))
            number += 1
        assert producer.stop("cam1")
    assert numbers(viewer) == list(range(50))


def test_the_first_frame_reaches_a_streamer_that_is_just_starting(
    start: Starter, threads: ThreadPoolExecutor
) -> None:
    frames, events = _free_endpoint(), _free_endpoint()
    with Producer(frames, events) as producer:
        sent = threads.submit(producer.publish, "cam1", jpeg(1))
        streamer = start.streamer("--bind-frames", frames, "--bind-events", events)
        assert sent.result(PATIENCE_S) is True
        (viewer,) = watch(streamer, "cam1")
        assert number_of(viewer.parts(1)[0].body) == 1


def test_a_stop_right_behind_a_burst_loses_none_of_it(
    streamer: Command, producer: Producer
) -> None:
    viewers = watch(streamer, "clip", 3)
    assert _several(producer, "clip", 3)
    for number in range(100):
        assert producer.publish("clip", jpeg(number, 10_000))
    assert producer.stop("clip")
    assert [numbers(each) for each in viewers] == [list(range(100))] * 3


def test_a_stop_at_once_does_not_wait_for_the_rest(streamer: Command, producer: Producer) -> None:
    (viewer,) = watch(streamer, "clip", buffer=4096)
    assert producer.wait_for_clients("clip", PATIENCE_S)
    for number in range(PARTS):
        producer.publish("clip", jpeg(number, PART_BYTES))
    assert producer.stop("clip", now=True)
    assert len(numbers(viewer)) < PARTS


def test_pictures_and_texts_travel_with_what_they_were_given(
    streamer: Command, producer: Producer
) -> None:
    (viewer,) = watch(streamer, "values")
    assert producer.wait_for_clients("values", PATIENCE_S)
    producer.publish(
        "values",
        bytearray(b"{}"),
        content_type="application/json",
        headers={"X-A": "b"},
        time_ns=1_500_000_000,
    )
    (part,) = viewer.parts(1)
    assert part.body == b"{}"
    assert part.headers["Content-Type"] == "application/json"
    assert part.headers["X-A"] == "b"
    assert part.headers["X-Timestamp"] == "1.500000"


# A stream for each client.


def test_nothing_is_lost_however_slow_the_client_is(
    streamer: Command, producer: Producer, threads: ThreadPoolExecutor
) -> None:
    following = Following(producer, "clip")
    clients = producer.clients("clip")
    (slow,) = watch(streamer, "clip", buffer=4096)
    client = next(clients)
    playing = threads.submit(play, client)
    time.sleep(0.5)  # nobody reads meanwhile
    assert not playing.done()
    seen = []
    while (part := slow.part()) is not None:
        seen.append(number_of(part.body))
        if len(seen) < 100:
            time.sleep(0.002)
    assert seen == list(range(PARTS))
    playing.result(PATIENCE_S)
    eventually(lambda: reasons(following.heard), "the end to be told")
    assert reasons(following.heard) == {client.id: CloseReason.STOP}


def test_each_client_is_fed_at_its_own_pace(
    streamer: Command, producer: Producer, threads: ThreadPoolExecutor
) -> None:
    clients = producer.clients("clip")
    (stuck,) = watch(streamer, "clip", buffer=4096)
    waiting = threads.submit(play, next(clients))
    healthy = watch(streamer, "clip", 5)
    readers = [threads.submit(numbers, each) for each in healthy]
    playing = [threads.submit(play, next(clients)) for _ in healthy]
    assert [each.result(PATIENCE_S) for each in readers] == [list(range(PARTS))] * 5
    for each in playing:
        each.result(PATIENCE_S)
    assert not waiting.done()
    assert numbers(stuck) == list(range(PARTS))
    waiting.result(PATIENCE_S)


def test_the_query_tells_what_each_client_wants(streamer: Command, producer: Producer) -> None:
    viewers = watch(streamer, "clip", 3)
    clients = producer.clients("clip")
    for _ in viewers:
        client = next(clients)
        client.publish(jpeg(int(client.query["n"])))
        client.stop()
    assert [numbers(each) for each in viewers] == [[0], [1], [2]]


def test_one_client_of_a_shared_stream_is_stopped(streamer: Command, producer: Producer) -> None:
    clients = producer.clients("cam1")
    first, second = (watch(streamer, "cam1")[0] for _ in range(2))
    one, other = next(clients), next(clients)
    assert producer.stop_client(one.id)
    assert numbers(first) == []
    assert one.wait_until_gone(PATIENCE_S)
    assert not other.gone
    producer.publish("cam1", jpeg(1))
    producer.stop("cam1")
    assert numbers(second) == [1]


def test_who_feeds_a_client_that_leaves_learns_it(
    streamer: Command, producer: Producer, threads: ThreadPoolExecutor
) -> None:
    (viewer,) = watch(streamer, "clip", buffer=4096)
    playing = threads.submit(play, next(producer.clients("clip")))
    assert viewer.part() is not None
    viewer.close()
    with pytest.raises(ClientGone):
        playing.result(PATIENCE_S)


def test_a_client_that_another_process_tells_of_is_fed(
    streamer: Command, producer: Producer
) -> None:
    (viewer,) = watch(streamer, "clip")
    with made(streamer) as other:
        client = next(other.clients("clip")).id
    producer.publish_to(client, jpeg(7), timeout_s=PATIENCE_S)
    assert number_of(viewer.parts(1)[0].body) == 7
    with pytest.raises(ClientGone, match="no node has it"):
        producer.publish_to(client + "9", jpeg(8), timeout_s=PATIENCE_S)


def test_a_task_for_each_client_feeds_them_all(streamer: Command) -> None:
    viewers = watch(streamer, "clip", 5)
    frames, events = streamer.addresses["frames"], streamer.addresses["events"]

    async def feed(client: AsyncClient) -> None:
        for number in range(PARTS):
            await client.publish(jpeg(number, 10_000))
        await client.stop()

    async def run() -> list[list[int]]:
        async with AsyncProducer(frames, events) as producer, asyncio.TaskGroup() as tasks:
            reading = [asyncio.to_thread(numbers, each) for each in viewers]
            clients = producer.clients("clip")
            for _ in viewers:
                tasks.create_task(feed(await anext(clients)))
            return list(await asyncio.gather(*reading))

    assert asyncio.run(run()) == [list(range(PARTS))] * 5


def test_the_asynchronous_loop_works_on_demand(streamer: Command) -> None:
    (viewer,) = watch(streamer, "cam1")
    frames, events = streamer.addresses["frames"], streamer.addresses["events"]

    async def run() -> None:
        async with AsyncProducer(frames, events) as producer:
            number = 0
            while number < 50 and await producer.wait_for_clients("cam1", PATIENCE_S):
                assert await producer.publish("cam1", jpeg(number))
                number += 1
            assert await producer.stop("cam1")

    asyncio.run(run())
    assert numbers(viewer) == list(range(50))


# The audience.


def test_a_producer_that_starts_late_knows_everybody_at_once(streamer: Command) -> None:
    watch(streamer, "cam1", 20)
    with made(streamer) as producer:
        assert _several(producer, "cam1", 20)
        clients = producer.clients("cam1")
        assert len({next(clients).id for _ in range(20)}) == 20


def test_a_producer_that_starts_late_behind_a_relay_knows_everybody_at_once(
    start: Starter,
) -> None:
    relay, nodes = _behind_a_relay(start, 2)
    with made(relay) as early:
        for node in nodes:
            watch(node, "cam1", 5)
        assert _several(early, "cam1", 10)
        with made(relay) as late:
            clients = late.clients("cam1")
            assert len({next(clients).id for _ in range(10)}) == 10
            assert late.connections("cam1") == 10


def test_events_count_over_all_nodes(start: Starter) -> None:
    relay, nodes = _behind_a_relay(start, 2)
    with made(relay) as producer:
        following = Following(producer, "cam1")
        viewers = []
        for number, node in enumerate(nodes, 1):
            viewers += watch(node, "cam1")
            eventually(lambda n=number: len(following.heard) == n, "the client to come")  # type: ignore[misc]
        for number, viewer in enumerate(viewers, 3):
            viewer.close()
            eventually(lambda n=number: len(following.heard) >= n, "the client to go")  # type: ignore[misc]
        eventually(lambda: isinstance(following.heard[-1], NoConnection), "that nobody is left")
        counts = [getattr(each, "connections", None) for each in following.heard]
        assert counts == [1, 2, 1, 0, 0]


def test_a_producer_follows_a_crowd_that_comes_and_goes(
    streamer: Command, producer: Producer
) -> None:
    following = Following(producer, "cam1")
    stay = watch(streamer, "cam1", 10)
    for _ in range(5):
        for viewer in watch(streamer, "cam1", 20):
            viewer.close()
    eventually(
        lambda: len(reasons(following.heard)) == 100 and producer.connections("cam1") == len(stay),
        "the crowd to be gone",
    )
    opened = [each.client for each in following.heard if isinstance(each, NewConnection)]
    assert len(opened) == len(set(opened)) == 110
    assert set(reasons(following.heard).values()) == {CloseReason.CLIENT}


@pytest.mark.parametrize("events", [[], ["new_connection"], ["closed_connection"]])
def test_who_watches_is_known_though_not_everything_is_told(
    start: Starter, events: list[str]
) -> None:
    streamer = start.streamer("--heartbeat-interval-s", "0.2", config=f"[streams.cam1]\n{events=}")
    with made(streamer) as producer:
        clients = producer.clients("cam1")
        viewers = watch(streamer, "cam1", 3)
        fed = [next(clients) for _ in viewers]
        assert producer.connections("cam1") == 3
        viewers[0].close()
        eventually(lambda: producer.connections("cam1") == 2, "the count to fall")
        gone = {"0"}
        eventually(
            lambda: {each.query["n"] for each in fed if each.gone} == gone, "it to be known who"
        )


# What dies, and what comes back.


def test_a_streamer_that_restarts_is_published_to_again(start: Starter) -> None:
    streamer = start.streamer()
    addresses = streamer.addresses
    stop = threading.Event()
    with made(streamer) as producer:

        def publish() -> None:
            number = 0
            while not stop.wait(0.02):
                number += producer.publish("cam1", jpeg(number))

        publishing = threading.Thread(target=publish)
        publishing.start()
        try:
            before = number_of(watch(streamer, "cam1")[0].parts(3)[-1].body)
            streamer.end(signal.SIGKILL)
            eventually(lambda: not producer.wait_for_streamer(0), "the streamer to be missed")
            again = start.streamer(
                "--bind-frames", addresses["frames"], "--bind-events", addresses["events"]
            )
            (viewer,) = watch(again, "cam1")
            seen = [number_of(part.body) for part in viewer.parts(10)]
        finally:
            stop.set()
            publishing.join()
        assert seen[0] > before
        assert seen == list(range(seen[0], seen[0] + 10))
        eventually(lambda: producer.connections("cam1") == 1, "only who watches now to count")


def test_the_clients_of_a_killed_streamer_are_lost_within_three_heartbeats(
    start: Starter, threads: ThreadPoolExecutor
) -> None:
    streamer = start.streamer("--heartbeat-interval-s", "0.5", config=CLIP)
    with made(streamer) as producer:
        following = Following(producer, "clip")
        watch(streamer, "clip", 3)
        assert _several(producer, "clip", 3)
        playing = threads.submit(play, next(producer.clients("clip")))
        _hear_a_heartbeat(producer)
        killed_at = time.monotonic()
        streamer.end(signal.SIGKILL)
        eventually(lambda: len(reasons(following.heard)) == 3, "3 clients to be lost")
        took = time.monotonic() - killed_at
        with pytest.raises(ClientGone):
            playing.result(PATIENCE_S)
    assert set(reasons(following.heard).values()) == {CloseReason.LOST}
    assert isinstance(following.heard[-1], NoConnection)
    assert 1.0 < took < 3 * 0.5 + 1.0  # and a second for a busy machine


def test_a_streamer_that_ends_in_good_order_tells_of_everybody(start: Starter) -> None:
    streamer = start.streamer()
    with made(streamer) as producer:
        following = Following(producer, "cam1")
        watch(streamer, "cam1", 3)
        assert _several(producer, "cam1", 3)
        began = time.monotonic()
        assert streamer.end() == 0
        eventually(lambda: isinstance(following.heard[-1], NoConnection), "the end")
        assert time.monotonic() - began < PATIENCE_S
    assert list(reasons(following.heard).values()) == [CloseReason.SHUTDOWN] * 3


def test_a_streamer_that_was_stopped_for_a_while_brings_its_clients_back(start: Starter) -> None:
    streamer = start.streamer("--heartbeat-interval-s", "0.2")
    with made(streamer) as producer:
        following = Following(producer, "cam1")
        watch(streamer, "cam1", 2)
        assert _several(producer, "cam1", 2)
        _hear_a_heartbeat(producer)
        streamer.process.send_signal(signal.SIGSTOP)
        eventually(lambda: producer.connections("cam1") == 0, "its clients to be lost")
        streamer.process.send_signal(signal.SIGCONT)
        assert _several(producer, "cam1", 2)
        eventually(lambda: len(following.heard) == 7, "all of it to be told")
    kinds = [type(each) for each in following.heard]
    assert (
        kinds == [NewConnection] * 2 + [ClosedConnection] * 2 + [NoConnection] + [NewConnection] * 2
    )


def test_a_relay_that_restarts_leaves_the_producer_with_the_truth(start: Starter) -> None:
    relay, (node,) = _behind_a_relay(start, 1)
    with made(relay) as producer:
        watch(node, "cam1", 3)
        assert _several(producer, "cam1", 3)
        relay.end(signal.SIGKILL)
        eventually(lambda: not producer.wait_for_streamer(0), "the relay to be missed")
        options = [word for name in _ALL_SIDES for word in (f"--{name}", relay.addresses[name])]
        start.run("streamer.relay", *options, "--http", "127.0.0.1:0")
        (viewer,) = watch(node, "cam1")
        assert _several(producer, "cam1", 4)
        eventually(lambda: producer.publish("cam1", jpeg(1)), "the way to be open again")
        assert number_of(viewer.parts(1)[0].body) == 1


_ALL_SIDES = (*_PRODUCER_SIDE, "streamer-frames", "streamer-events")


def _hear_a_heartbeat(producer: Producer) -> None:
    events = producer.events()
    eventually(lambda: isinstance(next(events), Heartbeat), "a heartbeat")


def _several(producer: Producer, stream: str, number: int) -> bool:
    return eventually(
        lambda: producer.connections(stream) == number, f"{number} clients of {stream}"
    )


def _behind_a_relay(start: Starter, number: int) -> tuple[Command, list[Command]]:
    relay = start.relay()
    frames, events = (relay.addresses[name] for name in _ALL_SIDES[2:])
    nodes = [
        start.streamer("--connect-frames", frames, "--connect-events", events, config=CLIP)
        for _ in range(number)
    ]
    with made(relay) as producer:
        heard: set[str] = set()

        def all_there() -> bool:
            heard.update(producer._core.audience.nodes)
            return len(heard) == number and producer.wait_for_streamer(0)

        eventually(all_there, f"{number} nodes behind the relay")
    return relay, nodes


def _free_endpoint() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"
