"""What the producer library knows of who watches, with real nodes and relays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from producer import CloseReason, NewConnection, NoConnection, Producer

from .audience import CLIP, Following, behind_a_relay, made, reasons, several, watch
from .processes import PATIENCE_S, Command, Starter, eventually


@pytest.fixture
def streamer(start: Starter) -> Command:
    return start.streamer(config=CLIP)


@pytest.fixture
def producer(streamer: Command) -> Iterator[Producer]:
    with made(streamer) as producer:
        assert producer.wait_for_streamer(PATIENCE_S)
        yield producer


def test_a_producer_that_starts_late_knows_everybody_at_once(streamer: Command) -> None:
    watch(streamer, "cam1", 20)
    with made(streamer) as producer:
        assert several(producer, "cam1", 20)
        clients = producer.clients("cam1")
        assert len({next(clients).id for _ in range(20)}) == 20


def test_a_producer_that_starts_late_behind_a_relay_knows_everybody_at_once(
    start: Starter,
) -> None:
    relay, nodes = behind_a_relay(start, 2)
    with made(relay) as early:
        for node in nodes:
            watch(node, "cam1", 5)
        assert several(early, "cam1", 10)
        with made(relay) as late:
            clients = late.clients("cam1")
            assert len({next(clients).id for _ in range(10)}) == 10
            assert late.connections("cam1") == 10


def test_events_count_over_all_nodes(start: Starter) -> None:
    relay, nodes = behind_a_relay(start, 2)
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
