"""`Producer` in many threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from producer import Producer

from .fake_streamer import FakeStreamer
from .meeting import arrive, ends


def test_threads_share_a_producer_and_each_topic_keeps_its_order(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    def publish(name: str) -> int:
        sent = 0
        for number in range(300):
            while not producer.publish(name, number.to_bytes(2)):
                time.sleep(0.001)
            sent += 1
        return sent

    tasks = [threads.submit(publish, f"cam{number}") for number in range(8)]
    messages = streamer.wait_for(8 * 300)
    assert [task.result() for task in tasks] == [300] * 8
    for name in range(8):
        own = [each for each in messages if each.topic == f"all/cam{name}/"]
        assert [int.from_bytes(each.body) for each in own] == list(range(300))
        assert [each.header["seq"] for each in own] == list(range(1, 301))


def test_each_thread_waits_for_its_own_client(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    clients = producer.clients("clip")
    streamer.wait_for_question("event/clip/")
    for number in range(10):
        streamer.join("clip", number, window=1)
    fed = [next(clients) for _ in range(10)]
    for client in fed:
        client.publish(b"one")
    tasks = [threads.submit(client.publish, b"two") for client in fed]
    streamer.wait_for(10)
    for client, task in reversed(list(zip(fed, tasks, strict=True))):
        assert not task.done()
        streamer.credit("clip", client.id, 1)
        ends(task, streamer)


def test_an_iteration_that_is_closed_ends_for_who_waits_in_another_thread(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    for coming in (producer.events("cam1"), producer.clients("cam1")):
        waiting = threads.submit(list[object], coming)
        streamer.pause(0.1)
        assert not waiting.done()
        coming.close()
        assert ends(waiting, streamer) == []


def test_who_is_asked_for_while_another_thread_closes_the_producer_is_gone(
    producer: Producer,
    streamer: FakeStreamer,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = arrive(streamer, producer)
    assert not producer.is_gone(client.id)

    def close_meanwhile() -> None:
        monkeypatch.undo()
        ends(threads.submit(producer.close), streamer)

    # What every verb begins with, before it is its turn.
    monkeypatch.setattr(producer._driver, "check_process", close_meanwhile)
    assert producer.is_gone(client.id)
