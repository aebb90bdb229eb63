"""A socket that a test holds in its hand: it takes what it is told to, and notes all calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from streamer.fanout.client import Client

ENDLESS: Final = 1 << 40


class FakeTogether:
    """Writes to many of these outlets in one call, and notes how many it was."""

    def __init__(self) -> None:
        self.passes: list[int] = []
        self._outlets: dict[int, FakeOutlet] = {}

    def know(self, outlet: FakeOutlet) -> int:
        """Takes an outlet in; returns its handle."""
        self._outlets[len(self._outlets)] = outlet
        return len(self._outlets) - 1

    def write(self, handles: Sequence[int], wire: bytes, /) -> list[int]:
        self.passes.append(len(handles))
        outlets = [self._outlets[each] for each in handles]
        return [-1 if each.failing else each.write(wire) for each in outlets]

    def unacknowledged(self, handles: Sequence[int], /) -> list[int]:
        return [self._outlets[each].unacknowledged() for each in handles]


class FakeOutlet:
    """An outlet whose room and peer the test decides on.

    Args:
        capacity: bytes that may wait in the system; None for a peer that takes all at once.
        together: writes to it and others in one call; None where it is written to alone.

    Attributes:
        received: everything that was taken, in order.
        unsent_bytes: bytes taken that wait in this system.
        flying_bytes: bytes that have left, and are not acknowledged.
        calls: how often each thing was asked.
        fresh: whether room is reported only when nothing is unsent.
        wanted: whether room is to be reported.
        ended: whether the response was ended in good order.
        aborted: whether the connection was cut off.
        failing: whether the connection is broken, and nobody has noticed yet.

    """

    def __init__(self, capacity: int | None = None, together: FakeTogether | None = None) -> None:
        self.together = together
        self.handle = together.know(self) if together is not None else -1
        self.failing = False
        self.prompt = capacity is None
        self.capacity = ENDLESS if capacity is None else capacity
        self.received = bytearray()
        self.unsent_bytes = 0
        self.flying_bytes = 0
        self.calls: Counter[str] = Counter()
        self.fresh = False
        self.wanted = False
        self.ended = False
        self.aborted = False

    # What a client asks.

    def write(self, wire: bytes | memoryview, /) -> int:
        assert not self.ended, "bytes behind the end"
        self.calls["write"] += 1
        if self.failing and not self.aborted:
            self.abort()
        if self.aborted:
            return 0
        taken = min(len(wire), max(0, self.capacity - self.unsent_bytes - self.flying_bytes))
        self.received += wire[:taken]
        if not self.prompt:
            self.unsent_bytes += taken
        return taken

    def unacknowledged(self) -> int:
        self.calls["unacknowledged"] += 1
        return self.unsent_bytes + self.flying_bytes

    def unsent(self) -> int:
        return self.unsent_bytes

    def stay_fresh(self, on: bool, /) -> None:
        self.fresh = on

    def resume_later(self) -> None:
        self.wanted = True

    def end(self) -> None:
        assert not self.ended, "ended twice"
        self.ended = True

    def abort(self) -> None:
        self.aborted = True

    # What the network does.

    def send(self, number: int = ENDLESS) -> None:
        """Lets bytes leave this system."""
        sent = min(number, self.unsent_bytes)
        self.unsent_bytes -= sent
        self.flying_bytes += sent

    def acknowledge(self, number: int = ENDLESS) -> None:
        """Lets the peer's system take bytes."""
        flown = min(number, self.flying_bytes)
        self.flying_bytes -= flown
        self.unsent_bytes -= min(number - flown, self.unsent_bytes)

    @property
    def has_room(self) -> bool:
        waiting = self.unsent_bytes + self.flying_bytes
        return waiting < self.capacity and not (self.fresh and self.unsent_bytes)

    def report_room(self, client: Client) -> None:
        """Reports room to a client that wants it, as long as there is some."""
        while self.wanted and self.has_room and not self.ended and not self.aborted:
            self.wanted = client.resume()

    def drain(self, client: Client) -> None:
        """Lets the peer read until nothing comes any more."""
        self.capacity = max(self.capacity, 4096)
        while self.wanted or self.unsent_bytes or self.flying_bytes:
            self.acknowledge()
            self.report_room(client)
            if self.ended or self.aborted:
                return
