"""Frames travel where they are watched, and nowhere else: bytes counted by the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from producer import Producer
from tests.e2e.processes import Events, Publisher, Starter, eventually, jpeg

from .crowd import Crowd
from .deployment import Deployment, Service, deployed

Context = zmq.Context[zmq.Socket[bytes]]

FRAMES = 40
FRAME_BYTES = 50_000
VOLUME = FRAMES * FRAME_BYTES
# Heartbeats, events, acknowledgements and headers; one frame more would be beyond it, bytes.
OTHER_BYTES = 45_000
# What a volume may take on the wire beyond itself: headers and acknowledgements.
OVERHEAD = 1.1


@pytest.fixture
def thrifty(networks: None, start: Starter, tmp_path: Path) -> Iterator[Deployment]:
    with (
        deployed(start, tmp_path, "--subscribe", "watched") as deployment,
        deployment.studio.inside(),
    ):
        yield deployment


class Counted:
    """What crosses the cables from now on."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._before = self._now()

    def _now(self) -> dict[str, int]:
        deployment = self._deployment
        hosts = [each.host for each in (*deployment.relays, *deployment.nodes)]
        counted = {host.name: host.traffic("back").received for host in hosts}
        return {**counted, "studio": deployment.studio.traffic("back").sent}

    def since(self) -> dict[str, int]:
        """Returns what the studio has sent and what every other host has received, bytes."""
        return {name: total - self._before[name] for name, total in self._now().items()}

    def carried(self) -> set[str]:
        """Returns who has sent or received the volume once; fails where it was anything else."""
        counted = self.since()
        for name, number in counted.items():
            once = VOLUME <= number < OVERHEAD * VOLUME
            assert once or number < OTHER_BYTES, f"{name}: {counted}"
        return {name for name, number in counted.items() if number >= VOLUME}


def _taken_in(deployment: Deployment, relay: Service) -> float:
    return deployment.metric(relay, 'partcast_relay_bytes_total{channel="frames"}')


def test_frames_that_nobody_watches_leave_no_producer(
    thrifty: Deployment, context: Context
) -> None:
    publisher = Publisher(context, thrifty.frames)
    publisher.wait_for_nodes(3)
    with Producer(thrifty.frames, thrifty.events) as producer:
        assert producer.wait_for_streamer(10)
        counted = Counted(thrifty)
        for number in range(FRAMES):
            publisher.send("all/cam1/", jpeg(number, FRAME_BYTES))
            assert not producer.publish("cam2", jpeg(number, FRAME_BYTES))
        # What is sent behind them arrives: so would they have.
        with Crowd(thrifty.public) as crowd:
            (viewer,) = crowd.join(thrifty.nodes[2].http, "/streams/cam3")
            eventually(lambda: _shown(publisher, viewer.numbers), "a frame to arrive")
        assert counted.carried() == set()
    assert _taken_in(thrifty, thrifty.core) < OTHER_BYTES


def _shown(publisher: Publisher, numbers: list[int]) -> bool:
    publisher.send("all/cam3/", jpeg(1))
    return bool(numbers)


def test_a_watched_frame_crosses_each_link_once(thrifty: Deployment, context: Context) -> None:
    publisher = Publisher(context, thrifty.frames)
    with Crowd(thrifty.public) as crowd:
        viewers = crowd.join(thrifty.nodes[2].http, "/streams/cam1", 10)
        publisher.wait_for(b"all/cam1/")
        counted = Counted(thrifty)
        for number in range(FRAMES):
            publisher.send("all/cam1/", jpeg(number, FRAME_BYTES))
            eventually(lambda n=number: all(each.numbers[-1:] == [n] for each in viewers), "it")  # type: ignore[misc]
        assert counted.carried() == {"studio", "core", "edge", "node3"}
    assert VOLUME <= _taken_in(thrifty, thrifty.edge) < OVERHEAD * VOLUME


def test_a_targeted_frame_crosses_to_its_node_only(thrifty: Deployment, context: Context) -> None:
    publisher = Publisher(context, thrifty.frames)
    events = Events(context, thrifty.events)
    with Crowd(thrifty.public) as crowd:
        for node in thrifty.nodes:
            crowd.join(node.http, "/streams/clip")
        (viewer,) = crowd.join(thrifty.nodes[1].http, "/streams/clip?this")
        (opened,) = events.wait_for(type="new_connection", query={"this": ""})
        topic = f"one/{opened['client']}/"
        publisher.wait_for(topic.encode())
        counted = Counted(thrifty)
        for number in range(FRAMES):
            publisher.send(topic, jpeg(number, FRAME_BYTES))
            eventually(lambda n=number: viewer.numbers[-1:] == [n], "the frame")  # type: ignore[misc]
        assert counted.carried() == {"studio", "core", "edge", "node2"}
        assert sum(len(each.numbers) for each in crowd.all) == FRAMES
