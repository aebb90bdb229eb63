"""What the producer library makes of streamers and relays that die, hang and come back."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from producer import (
    ClientGone,
    ClosedConnection,
    CloseReason,
    NewConnection,
    NoConnection,
)

from .audience import (
    ALL_SIDES,
    CLIP,
    Following,
    behind_a_relay,
    hear_a_heartbeat,
    made,
    play,
    reasons,
    several,
    watch,
)
from .processes import PATIENCE_S, Starter, eventually, jpeg, number_of


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


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
        assert several(producer, "clip", 3)
        playing = threads.submit(play, next(producer.clients("clip")))
        hear_a_heartbeat(producer)
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
        assert several(producer, "cam1", 3)
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
        assert several(producer, "cam1", 2)
        hear_a_heartbeat(producer)
        streamer.process.send_signal(signal.SIGSTOP)
        eventually(lambda: producer.connections("cam1") == 0, "its clients to be lost")
        streamer.process.send_signal(signal.SIGCONT)
        assert several(producer, "cam1", 2)
        eventually(lambda: len(following.heard) == 7, "all of it to be told")
    kinds = [type(each) for each in following.heard]
    assert (
        kinds == [NewConnection] * 2 + [ClosedConnection] * 2 + [NoConnection] + [NewConnection] * 2
    )


def test_a_relay_that_restarts_leaves_the_producer_with_the_truth(start: Starter) -> None:
    relay, (node,) = behind_a_relay(start, 1)
    with made(relay) as producer:
        watch(node, "cam1", 3)
        assert several(producer, "cam1", 3)
        relay.end(signal.SIGKILL)
        eventually(lambda: not producer.wait_for_streamer(0), "the relay to be missed")
        options = [word for name in ALL_SIDES for word in (f"--{name}", relay.addresses[name])]
        start.run("streamer.relay", *options, "--http", "127.0.0.1:0")
        (viewer,) = watch(node, "cam1")
        assert several(producer, "cam1", 4)
        eventually(lambda: producer.publish("cam1", jpeg(1)), "the way to be open again")
        assert number_of(viewer.parts(1)[0].body) == 1
