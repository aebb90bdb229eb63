"""Who comes late to a slow stream sees its last frame at once, and never an older one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq

from producer import Producer
from tests.e2e.processes import (
    Command,
    Publisher,
    Starter,
    Viewer,
    eventually,
    jpeg,
    number_of,
)
from tests.e2e.producing import clip, numbers

Context = zmq.Context[zmq.Socket[bytes]]

TOPIC = b"all/cam1/"
PATH = "/streams/cam1"
# What a viewer sees is then what was published.
NO_REPEATS = '[streams."*"]\nrepeat_after_s = 0\n'


class Site:
    """Streamers behind no relay or two, and where producers meet them."""

    def __init__(self, start: Starter, subscribe: str, relays: int) -> None:
        self._start = start
        self._given = ["--subscribe", subscribe]
        self._relayed = relays > 0
        if relays:
            core = start.relay()
            edge = start.relay(*_ends("upstream", core))
            self._given += _ends("connect", edge)
            self.frames, self.events = (
                core.addresses[f"producer-{each}"] for each in ("frames", "events")
            )

    def streamer(self) -> Command:
        """Starts one, in the place of the one before where there is no relay."""
        given = [] if self._relayed or not hasattr(self, "frames") else self._same_place()
        streamer = self._start.streamer(*self._given, *given, config=NO_REPEATS)
        if not self._relayed:
            self.frames, self.events = (streamer.addresses[each] for each in ("frames", "events"))
        return streamer

    def _same_place(self) -> list[str]:
        return ["--bind-frames", self.frames, "--bind-events", self.events]

    def command(self, *words: str, ready: bool = True) -> Command:
        ends = ["--frames", self.frames, "--events", self.events]
        return self._start.run("producer", *words, *ends, ready=ready)


def _ends(prefix: str, relay: Command) -> list[str]:
    frames, events = relay.addresses["streamer-frames"], relay.addresses["streamer-events"]
    return [f"--{prefix}-frames", frames, f"--{prefix}-events", events]


@pytest.fixture(params=["watched", "all"])
def subscribe(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[0, 2], ids=["no relay", "two relays"])
def site(start: Starter, subscribe: str, request: pytest.FixtureRequest) -> Site:
    return Site(start, subscribe, request.param)


Producing = Callable[[Site], Producer]


@pytest.fixture
def producing() -> Iterator[Producing]:
    opened: list[Producer] = []

    def produce(site: Site) -> Producer:
        producer = Producer(site.frames, site.events)
        opened.append(producer)
        assert producer.wait_for_streamer(20)
        return producer

    yield produce
    for each in opened:
        each.close()


def first_number(streamer: Command) -> int:
    viewer = Viewer(streamer.port, PATH)
    number = number_of(viewer.parts(1)[0].body)
    viewer.close()
    return number


def test_a_late_viewer_of_a_slow_stream_sees_its_only_frame(
    site: Site, producing: Producing
) -> None:
    streamer = site.streamer()
    producing(site).publish("cam1", jpeg(1))
    # Nothing is published from now on.
    assert first_number(streamer) == 1
    assert streamer.get(f"{PATH}/snapshot") == jpeg(1)


def test_a_snapshot_of_a_slow_stream_that_nobody_watches_is_its_only_frame(
    site: Site, producing: Producing
) -> None:
    streamer = site.streamer()
    producing(site).publish("cam1", jpeg(1))
    assert streamer.get(f"{PATH}/snapshot") == jpeg(1)
    assert streamer.get(f"{PATH}/snapshot") == jpeg(1)


def test_a_fresh_snapshot_is_no_frame_that_was_kept(
    start: Starter, context: Context, producing: Producing
) -> None:
    site = Site(start, "watched", 0)
    streamer = site.streamer()
    looking = Publisher(context, site.frames)
    producer = producing(site)
    producer.publish("cam1", jpeg(1))
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(streamer.get, f"{PATH}/snapshot?fresh=1")
        looking.wait_for(TOPIC)
        eventually(lambda: _frames(streamer) == 1, "the frame that was kept")
        assert producer.publish("cam1", jpeg(2))
        assert answer.result() == jpeg(2)


def _frames(streamer: Command) -> int:
    return int(streamer.streams()["cam1"]["frames"])


def test_a_node_that_starts_later_shows_the_last_frame_too(
    site: Site, producing: Producing
) -> None:
    """A node that begins to take a slow stream shows its last frame at once.

    The producer library sends that frame once more, and nobody sees it twice; of other producers
    the next one is awaited.
    """
    former = site.streamer()
    producer = producing(site)
    viewer = Viewer(former.port, PATH)
    producer.publish("cam1", jpeg(1))
    assert number_of(viewer.parts(1)[0].body) == 1
    former.end()
    assert first_number(site.streamer()) == 1


def test_a_slow_folder_shows_its_picture_to_who_comes_late(site: Site, tmp_path: Path) -> None:
    streamer = site.streamer()
    folder = clip(tmp_path, 3)
    site.command("publish", "cam1", folder, "--fps", "0.0167", "--loop", ready=False)
    first = Viewer(streamer.port, PATH)
    assert numbers(first.parts(1)) == [0]
    assert numbers(Viewer(streamer.port, PATH).parts(1)) == [0]


def test_who_has_watched_all_the_while_sees_nothing_twice(
    start: Starter, subscribe: str, producing: Producing
) -> None:
    site = Site(start, subscribe, 2)
    nodes = [site.streamer() for _ in range(2)]
    viewers = [Viewer(nodes[0].port, PATH) for _ in range(2)]
    producer = producing(site)
    assert producer.wait_for_clients("cam1", 20)
    producer.publish("cam1", jpeg(1))
    for viewer in viewers:
        assert number_of(viewer.parts(1)[0].body) == 1
    late = [Viewer(node.port, PATH) for node in (nodes[1], site.streamer())]
    for viewer in late:
        assert number_of(viewer.parts(1)[0].body) == 1
    assert producer.publish("cam1", jpeg(2))
    for viewer in (*viewers, *late):
        assert number_of(viewer.parts(1)[0].body) == 2
    assert nodes[0].streams()["cam1"]["frames"] == 2
    assert nodes[0].streams()["cam1"]["parts"] == 4


@pytest.fixture(params=[0, 2], ids=["no relay", "two relays"])
def on_demand(start: Starter, request: pytest.FixtureRequest) -> Site:
    return Site(start, "watched", request.param)


def test_what_went_on_while_nobody_watched_is_not_shown_as_it_was(
    on_demand: Site, context: Context, producing: Producing
) -> None:
    streamer = on_demand.streamer()
    looking = Publisher(context, on_demand.frames)  # sees what is subscribed, and sends nothing
    producer = producing(on_demand)
    viewer = Viewer(streamer.port, PATH)
    looking.wait_for(TOPIC)
    producer.publish("cam1", jpeg(1))
    viewer.parts(1)
    viewer.close()
    eventually(lambda: not looking.covers(TOPIC), "the stream to be let go")
    producer.publish("cam1", jpeg(2))
    assert streamer.get(f"{PATH}/snapshot") == jpeg(2)
    assert first_number(streamer) == 2
    eventually(lambda: not looking.covers(TOPIC), "the stream to be let go again")
    producer.stop("cam1")
    viewer = Viewer(streamer.port, PATH)
    looking.wait_for(TOPIC)
    eventually(lambda: producer.publish("cam1", jpeg(3)), "the stream to be taken")
    assert number_of(viewer.parts(1)[0].body) == 3


def test_a_producer_that_sends_nothing_again_leaves_no_old_picture_behind(
    on_demand: Site, context: Context
) -> None:
    streamer = on_demand.streamer()
    publisher = Publisher(context, on_demand.frames)
    viewer = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(1))
    viewer.parts(1)
    viewer.close()
    eventually(lambda: not publisher.covers(TOPIC), "the stream to be let go")
    # It goes on, and is stopped, and begins anew.
    publisher.send("all/cam1/", jpeg(2))
    publisher.send("all/cam1/", b"", type="stop")
    viewer = Viewer(streamer.port, PATH)
    publisher.wait_for(TOPIC)
    publisher.send("all/cam1/", jpeg(3))
    assert number_of(viewer.parts(1)[0].body) == 3
    assert streamer.get(f"{PATH}/snapshot") == jpeg(3)
