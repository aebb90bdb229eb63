"""Who waits for what: each change wakes those whom it concerns. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

from protocol import Event, Heartbeat

W = TypeVar("W")

# What a wait can be about, beside the name of a stream and the id of a client: any event.
ANY_EVENT: Final = "*"
# A change that concerns everybody.
EVERYTHING: Final = ""


def subjects(event: Event) -> Iterable[str]:
    """Returns the streams and clients that an event is about."""
    if isinstance(event, Heartbeat):
        return event.streams
    names = (getattr(event, "stream", None), getattr(event, "client", None))
    return (each for each in names if each is not None)


class Waiting(Generic[W]):
    """Waiters, by what they wait for."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[W]] = {}

    def add(self, about: str, waiter: W) -> None:
        """Adds a waiter."""
        self._waiters.setdefault(about, set()).add(waiter)

    def remove(self, about: str, waiter: W) -> None:
        """Takes a waiter out."""
        waiters = self._waiters[about]
        waiters.discard(waiter)
        if not waiters:
            del self._waiters[about]

    def concerned(self, changes: Iterable[str]) -> Iterator[W]:
        """Yields the waiters to be woken."""
        changes = set(changes)
        names = list(self._waiters) if EVERYTHING in changes else changes & self._waiters.keys()
        for name in names:
            yield from list(self._waiters[name])
