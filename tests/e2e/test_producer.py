"""The producer library with real streamers and viewers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from producer import AsyncClient, AsyncProducer, ClientGone, CloseReason, Producer

from .audience import (
    CLIP,
    PART_BYTES,
    PARTS,
    Following,
    free_endpoint,
    made,
    numbers,
    play,
    reasons,
    several,
    watch,
)
from .processes import PATIENCE_S, Command, Starter, eventually, jpeg, number_of


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
    frames, events = free_endpoint(), free_endpoint()
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
    assert several(producer, "clip", 3)
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
