"""A producer of streams without end: who watches is known of those that matter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from producer import interest
from producer.interest import ASKED_WITHIN_S
from protocol import AllClients

from .core_bench import Bench
from .fake_streamer import FakeStreamer

LIMIT = 10


@pytest.fixture
def bench(streamer: FakeStreamer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(interest, "STREAMS_FOLLOWED", LIMIT)
    bench = Bench(streamer)
    bench.join()
    yield bench
    bench.core.close()


def publish(bench: Bench, *streams: str) -> None:
    for stream in streams:
        frame = bench.core.frame(AllClients(stream), b"a picture", None, None, None)
        assert bench.core.publish(frame)


def many(name: str, number: int = 3 * LIMIT) -> list[str]:
    return [f"{name}{each}" for each in range(number)]


def forgotten(bench: Bench) -> set[str]:
    """Returns the streams whose events nobody takes any more."""
    last = f"last{len(bench.streamer.asked)}"
    bench.core.watched(last)
    bench.streamer.wait_for_question(f"event/{last}/")
    prefix = b"\0event/"
    return {
        each.removeprefix(prefix).decode().rstrip("/")
        for each in bench.streamer.asked
        if each.startswith(prefix)
    }


def test_of_streams_without_end_those_are_forgotten_that_were_published_longest_ago(
    bench: Bench,
) -> None:
    streams = many("s")
    publish(bench, *streams)
    assert forgotten(bench) == set(streams[: 1 - LIMIT])  # the last place is of the last question


def test_a_stream_that_is_published_again_is_not_forgotten(bench: Bench) -> None:
    for each in many("s"):
        publish(bench, each, "cam1")
    assert "s0" in forgotten(bench)
    assert "cam1" not in forgotten(bench)


def test_a_stream_that_somebody_watches_is_not_forgotten(bench: Bench) -> None:
    publish(bench, "cam1")
    bench.streamer.wait_for_question("event/cam1/")
    client = bench.streamer.join("cam1")
    bench.has(client)
    publish(bench, *many("s"))
    assert "s0" in forgotten(bench)
    assert "cam1" not in forgotten(bench)
    bench.streamer.leave("cam1", client)
    bench.until(lambda: bench.core.gone(client), "it to leave")
    publish(bench, *many("t"))
    assert "cam1" in forgotten(bench)


def test_a_stream_whose_events_somebody_follows_is_not_forgotten(bench: Bench) -> None:
    follower = bench.core.follow("cam1")
    bench.pass_time(2 * ASKED_WITHIN_S)
    publish(bench, *many("s"))
    assert "cam1" not in forgotten(bench)
    bench.streamer.join("cam1")
    bench.until(follower.next, "its client")


def test_streams_that_are_asked_about_now_and_then_are_not_forgotten_however_many(
    bench: Bench,
) -> None:
    asked = many("cam")
    for each in asked:
        bench.core.watched(each)
    publish(bench, *many("s"))
    assert not forgotten(bench) & set(asked)
    bench.pass_time(ASKED_WITHIN_S)
    publish(bench, *many("t"))
    assert forgotten(bench) >= set(asked)


def test_what_was_forgotten_is_asked_for_anew(bench: Bench) -> None:
    publish(bench, "cam1", *many("s"))
    assert "cam1" in forgotten(bench)
    bench.streamer.asked.clear()
    assert bench.core.stop(AllClients("cam1"), now=False) is None
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.answer("cam1")
    bench.until(lambda: bench.core.stop(AllClients("cam1"), now=False), "the answer")


def test_nothing_is_left_of_what_was_forgotten(bench: Bench) -> None:
    publish(bench, "cam1")
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.answer("cam1")
    bench.until(lambda: "cam1" in bench.core.audience.streams, "the answer")
    publish(bench, *many("s"))
    assert bench.core.audience.streams == []


def test_an_answer_that_comes_after_its_stream_was_forgotten_leaves_nothing(bench: Bench) -> None:
    publish(bench, "cam1")
    bench.streamer.wait_for_question("event/cam1/")
    bench.streamer.answer("cam1")
    bench.streamer.beat()
    publish(bench, *many("s"))
    bench.until(lambda: bench.core.audience.nodes, "the heartbeat behind the answer")
    assert bench.core.audience.streams == []
