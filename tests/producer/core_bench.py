"""A core and a streamer made of raw sockets, with a clock of the test's."""

from __future__ import annotations

from collections.abc import Callable

from producer.channels import Endpoints
from producer.core import Core
from producer.stopping import ANSWERED_WITHIN_S
from protocol import AllClients, OneClient
from tests.e2e.processes import eventually

from .fake_streamer import FakeStreamer

CAM1 = AllClients("cam1")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A core and a streamer, made to move together."""

    def __init__(self, streamer: FakeStreamer) -> None:
        self.streamer = streamer
        self.clock = Clock()
        self.core = Core(Endpoints(*streamer.addresses), self.clock)
        self.changes: set[str] = set()

    def look(self) -> None:
        self.streamer.look()
        self.changes |= self.core.look()

    def until(self, holds: Callable[[], object], what: str) -> None:
        def looked() -> bool:
            self.look()
            return bool(holds())

        eventually(looked, what)

    def join(self) -> None:
        self.until(self.core.joined, "a streamer")
        self.until(lambda: self.core.stop(OneClient("aaaa-1"), now=True), "all subscriptions")
        self.streamer.wait_for(1)
        self.streamer.messages.clear()

    def pass_time(self, seconds: float) -> None:
        """Lets time pass in looks so small that nobody seems to have been suspended."""
        for _ in range(int(seconds / 0.5)):
            self.clock.now += 0.5
            self.look()

    def follow(self, stream: str) -> None:
        self.core.watched(stream)
        self.streamer.wait_for_question(f"event/{stream}/")

    def has(self, client: str) -> None:
        self.until(lambda: self.core.audience.find(client), f"client {client}")

    def publish(self, body: bytes = b"a picture") -> bool | None:
        return self.core.publish(self.core.frame(CAM1, body, None, None, None))

    def stop(self, *, now: bool = False) -> bool | None:
        """Stops the stream; nobody says who watches it, which is waited for."""
        if self.core.stop(CAM1, now=now) is None:
            self.clock.now += ANSWERED_WITHIN_S
        return self.core.stop(CAM1, now=now)

    def publish_to(self, client: str, since: float = 1000.0) -> bool | None:
        frame = self.core.frame(OneClient(client), b"a picture", None, None, None)
        return self.core.publish_to(frame, client, since)
