"""`subscribe = "watched"`: a node takes a stream only while somebody there watches it."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import zmq

from tests.e2e.processes import (
    Command,
    Events,
    Publisher,
    Starter,
    Viewer,
    eventually,
    jpeg,
    number_of,
)

Context = zmq.Context[zmq.Socket[bytes]]

TOPIC = b"all/cam1/"
PATH = "/streams/cam1"
Placed = Callable[[str], tuple[Command, Publisher]]


@pytest.fixture
def placed(start: Starter, context: Context) -> Placed:
    """Starts a streamer behind two relays, and whoever publishes to it."""

    def place(subscribe: str) -> tuple[Command, Publisher]:
        core = start.relay()
        edge = start.relay(*_ends("upstream", core))
        streamer = start.streamer("--subscribe", subscribe, *_ends("connect", edge))
        return streamer, Publisher(context, core.addresses["producer-frames"])

    return place


def _ends(prefix: str, relay: Command) -> list[str]:
    frames, events = relay.addresses["streamer-frames"], relay.addresses["streamer-events"]
    return [f"--{prefix}-frames", frames, f"--{prefix}-events", events]


def test_the_first_viewer_makes_the_node_take_the_stream(placed: Placed) -> None:
    streamer, publisher = placed("watched")
    publisher.wait_for_nodes(1)
    assert not publisher.covers(TOPIC)
    first = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(1))
    assert number_of(first.parts(1)[0].body) == 1


@pytest.mark.parametrize("subscribe", ["watched", "all"])
def test_a_late_viewer_of_a_slow_stream_gets_the_last_frame_at_once(
    placed: Placed, subscribe: str
) -> None:
    streamer, publisher = placed(subscribe)
    first = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(1))
    assert number_of(first.parts(1)[0].body) == 1
    # Nothing is published from now on.
    assert number_of(Viewer(streamer.port, PATH).parts(1)[0].body) == 1


def test_a_page_that_is_loaded_again_gets_the_last_frame_at_once(placed: Placed) -> None:
    streamer, publisher = placed("watched")
    first = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(1))
    first.parts(1)
    first.close()
    eventually(lambda: streamer.streams()["cam1"]["connections"] == 0, "it to leave")
    assert number_of(Viewer(streamer.port, PATH).parts(1)[0].body) == 1
    assert publisher.covers(TOPIC)


def test_a_stream_that_nobody_watches_any_more_is_let_go(placed: Placed) -> None:
    streamer, publisher = placed("watched")
    first = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    first.close()
    eventually(lambda: not publisher.covers(TOPIC), "the subscription to be taken back")
    again = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(2))
    assert number_of(again.parts(1)[0].body) == 2


def test_a_snapshot_makes_the_node_take_the_stream(placed: Placed) -> None:
    streamer, publisher = placed("watched")
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(streamer.get, f"{PATH}/snapshot")
        publisher.wait_for(TOPIC)
        publisher.send("all/cam1/", jpeg(3))
        assert answer.result() == jpeg(3)


def test_a_snapshot_of_a_slow_stream_that_is_taken_comes_at_once(placed: Placed) -> None:
    streamer, publisher = placed("watched")
    first = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(4))
    first.parts(1)
    assert streamer.get(f"{PATH}/snapshot") == jpeg(4)


def test_a_snapshot_that_was_refused_is_found_when_it_is_asked_for_again(
    start: Starter, context: Context
) -> None:
    streamer = start.streamer("--subscribe", "watched")
    publisher = Publisher(context, streamer.addresses["frames"])
    with pytest.raises(urllib.error.HTTPError) as refused:
        streamer.get(f"{PATH}/snapshot")
    assert refused.value.code == 503
    assert int(refused.value.headers["Retry-After"]) <= 5
    refused.value.close()
    # The stream is taken for a while longer: what comes in between is what is found then.
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(5))
    eventually(lambda: streamer.streams()["cam1"]["frames"] == 1, "the frame")
    assert streamer.get(f"{PATH}/snapshot") == jpeg(5)


def test_two_nodes_take_what_is_watched_on_each(start: Starter, context: Context) -> None:
    relay = start.relay()
    nodes = [start.streamer("--subscribe", "watched", *_ends("connect", relay)) for _ in range(2)]
    publisher = Publisher(context, relay.addresses["producer-frames"])
    events = Events(context, relay.addresses["producer-events"])
    viewers = [Viewer(node.port, f"/streams/cam{n}") for n, node in enumerate(nodes)]
    events.wait_for(2, type="new_connection")
    publisher.wait_for(b"all/cam0/", b"all/cam1/")
    for n in range(2):
        publisher.send(f"all/cam{n}/", jpeg(n))
    for n, viewer in enumerate(viewers):
        assert number_of(viewer.parts(1)[0].body) == n
        assert set(nodes[n].streams()) == {f"cam{n}"}
