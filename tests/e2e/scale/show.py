"""A deployment under load: cameras run, clips are shown, hundreds watch, and all is counted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import zmq

from producer import Producer
from protocol import ClosedConnection, CloseReason, Event, NewConnection
from tests.e2e.processes import Events, Publisher, eventually

from .crowd import Crowd, State, Viewer
from .deployment import BUSY_S, HEARTBEAT_S, Deployment, Service
from .producing import CLIP_PARTS, Camera, Projector

# A producer takes a node out that has missed so many heartbeats.
MISSED_HEARTBEATS: Final = 3
# How long a connection that was lost may take to be made anew, seconds.
RECONNECT_S: Final = 1.0
# What a process may grow by in a test: a leak of frames or clients would be more, bytes.
FLAT_BYTES: Final = 24 * 1024 * 1024
CAM1, CAM2, CLIP = "/streams/cam1", "/streams/cam2", "/streams/clip"
PATHS: Final = (CAM1, CAM2, CLIP)


@dataclass
class Show:
    """Everything that runs, and everybody who watches.

    Attributes:
        deployment: relays and nodes.
        crowd: the viewers.
        producer: the library's; publishes `cam2` and `clip`, and follows the audience of all.
        raw: publishes `cam1` with nothing but a ZeroMQ socket.
        events: everything that is said on the events channel, heard with a raw socket.
        cameras: what publishes the shared streams, by path.
        heard: what the producer said that happened.

    """

    deployment: Deployment
    crowd: Crowd
    producer: Producer
    raw: Publisher
    events: Events
    cameras: dict[str, Camera]
    heard: list[Event] = field(default_factory=list)
    _sizes: dict[int, int] = field(default_factory=dict)

    def fill(self, node: Service, *, cam1: int = 60, cam2: int = 20, clip: int = 5) -> list[Viewer]:
        """Brings viewers to a node; returns them."""
        numbers = zip(PATHS, (cam1, cam2, clip), strict=True)
        return [each for path, n in numbers for each in self.crowd.join(node.http, path, n)]

    def count_is_right(self) -> bool:
        """Tells whether the producer counts exactly who watches, stream by stream."""
        return all(
            self.producer.connections(path.rpartition("/")[2]) == len(self.crowd.watching(path))
            for path in PATHS
        )

    def wait_for_right_count(self, since: float, lost: Sequence[Viewer] = ()) -> float:
        """Waits until the producer's counts are right; returns how long that took, seconds.

        Args:
            since: when it began, seconds of the monotonic clock.
            lost: who is to be reported lost, and not back; a camera's viewers are looked at.

        """

        def right() -> bool:
            return self.lost() == self.by_path(lost) and self.count_is_right()

        eventually(right, "the producer to count right")
        return time.monotonic() - since

    def wait_for_frames(self, viewers: Sequence[Viewer], since: float) -> float:
        """Waits until each viewer of a camera gets what it takes from now on; returns how long."""
        wanted = {path: camera.number for path, camera in self.cameras.items()}

        def go_on() -> bool:
            return all(each.numbers[-1:] > [wanted[each.path]] for each in viewers)

        eventually(go_on, "the streams to go on")
        return time.monotonic() - since

    def by_path(self, viewers: Sequence[Viewer]) -> dict[str, int]:
        """Returns how many of these watch each camera."""
        return {path: sum(each.path == path for each in viewers) for path in self.cameras}

    def lost(self) -> dict[str, int]:
        """Returns how many clients of each camera the producer reported lost, and not back."""
        lost: dict[str, str] = {}
        for event in list(self.heard):
            if isinstance(event, ClosedConnection) and event.reason is CloseReason.LOST:
                lost[event.client] = event.stream
            elif isinstance(event, NewConnection):
                lost.pop(event.client, None)
        counts = Counter(lost.values())
        return {path: counts[path.rpartition("/")[2]] for path in self.cameras}

    def settle(self) -> None:
        """Waits until the counts are right and every node has been heard; notes the memory."""
        self.wait_for_right_count(time.monotonic())
        heard = len(self.events.look())
        alive = sum(each.command.process.poll() is None for each in self.deployment.nodes)

        def beats() -> bool:
            said = self.events.look()[heard:]
            return len({each["node"] for each in said if each["type"] == "heartbeat"}) == alive

        eventually(beats, "a heartbeat of each node")
        self._note_memory()

    def _note_memory(self) -> None:
        for each in self._services():
            self._sizes[each.pid] = each.resident_bytes()

    def _check_memory(self) -> None:
        """Fails where a process that was noted has grown."""
        for each in self._services():
            grown = each.resident_bytes() - self._sizes.get(each.pid, each.resident_bytes())
            assert grown < FLAT_BYTES, f"{each.host.name} has grown by {grown} bytes"

    def end(self) -> None:
        """Stops all streams; every viewer that is still there gets its last frame and its end."""
        left = {path: self.crowd.watching(path) for path in (CAM1, CAM2)}
        last = {path: self.cameras[path].stop() for path in left}
        self.raw.send("all/cam1/", b"", type="stop", seq=last[CAM1])
        self.producer.stop("cam2")
        for path, viewers in left.items():
            eventually(lambda v=viewers: all(each.is_over for each in v), f"the end of {path}")  # type: ignore[misc]
            assert {each.state for each in viewers} <= {State.ENDED}
            assert {each.numbers[-1] for each in viewers} <= {last[path]}
        assert self.crowd.torn == []
        self._check_memory()

    def _services(self) -> list[Service]:
        every = [*self.deployment.relays, *self.deployment.nodes]
        return [each for each in every if each.command.process.poll() is None]


@contextmanager
def showing(
    deployment: Deployment,
    context: zmq.Context[zmq.Socket[bytes]],
    again: Callable[[Viewer], tuple[str, int] | None] = lambda _: None,
) -> Iterator[Show]:
    """Starts the cameras and the projector, with nobody watching yet."""
    with (
        deployment.studio.inside(),
        Producer(deployment.frames, deployment.events) as producer,
        Crowd(deployment.public, again) as crowd,
    ):
        raw = Publisher(context, deployment.frames)
        raw.wait_for_nodes(len(deployment.nodes))
        events = Events(context, deployment.events)
        cameras = {
            CAM1: Camera(lambda body: raw.send("all/cam1/", body, seq=_number(cameras[CAM1]))),
            CAM2: Camera(lambda body: producer.publish("cam2", body)),
        }
        Projector(producer, "clip").start()
        show = Show(deployment, crowd, producer, raw, events, cameras)
        threading.Thread(target=_follow, args=(producer, show.heard), daemon=True).start()
        with cameras[CAM1], cameras[CAM2]:
            yield show


def _follow(producer: Producer, heard: list[Event]) -> None:
    heard.extend(producer.events())


def _number(camera: Camera) -> int:
    return camera.number


def unbroken(viewers: Sequence[Viewer]) -> bool:
    """Tells whether each viewer got every frame from its first to its last."""
    return all(
        each.numbers == list(range(each.numbers[0], each.numbers[-1] + 1))
        for each in viewers
        if each.numbers
    )


def wait_for_clips(viewers: Sequence[Viewer]) -> None:
    """Waits for the end of each viewer's clip; fails where one is not complete."""
    eventually(lambda: all(each.is_over for each in viewers), "the clips to end")
    for each in viewers:
        assert each.state is State.ENDED, each.trouble
        assert each.numbers == list(range(CLIP_PARTS))


def limit_s() -> float:
    """Returns how long the producer may take to notice what is not there any more, seconds."""
    return MISSED_HEARTBEATS * HEARTBEAT_S + BUSY_S
