"""An audience that hears nodes which exist in memory only."""

from __future__ import annotations

import random

from producer.audience import Audience
from protocol import ClosedConnection, CloseReason, Event

from .nodes import TrueNode


class Hearing:
    """An audience that hears whatever some nodes say, at once."""

    def __init__(self) -> None:
        self.audience = Audience(random.Random(1))
        self.now = 50.0

    def hear(self, node: TrueNode) -> list[Event]:
        events: list[Event] = []
        while node.wire:
            events += self.audience.hear(node.wire.popleft(), self.now)
        return events

    def beat(self, node: TrueNode) -> None:
        node.beat()
        self.hear(node)

    def wait(self, seconds: float) -> list[Event]:
        """Lets time pass, in small looks."""
        events = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.25)
            events += self.audience.pass_time(self.now)
        return events

    def asked(self, seconds: float) -> list[str]:
        """Lets time pass; returns what is asked meanwhile."""
        asked = []
        for _ in range(int(seconds / 0.25)):
            self.now += 0.25
            asked += self.audience.to_ask(None, self.now)
        return asked


def clients(audience: Audience, stream: str = "cam1") -> list[str]:
    return [each.client for each in audience.clients(stream)]


def lost(events: list[Event]) -> list[str]:
    return [
        each.client
        for each in events
        if isinstance(each, ClosedConnection) and each.reason is CloseReason.LOST
    ]
