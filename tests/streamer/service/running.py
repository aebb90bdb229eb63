"""A service in the test's own event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from dataclasses import dataclass
from typing import Any, Self

from streamer import service
from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.service import ALONE, Addresses, Place
from tests.streamer.http.viewer import Viewer

ANYWHERE = {
    "http": "127.0.0.1:0",
    "bind_frames": "tcp://127.0.0.1:0",
    "bind_events": "tcp://127.0.0.1:0",
}


class Running:
    """A service that runs until it is told to shut down.

    Attributes:
        addresses: where it listens.
        task: what runs it.

    """

    addresses: Addresses

    def __init__(self, *, place: Place = ALONE, **settings: Any) -> None:
        self._place = place
        self._settings = Settings(**{**ANYWHERE, **settings})
        self._shutdown = asyncio.Event()
        self._viewers: list[Viewer] = []

    async def __aenter__(self) -> Self:
        announced: asyncio.Queue[Addresses] = asyncio.Queue()
        run = service.run(self._settings, self._shutdown, announced.put_nowait, self._place)
        self.task = asyncio.create_task(run)
        first = asyncio.create_task(announced.get())
        await asyncio.wait({self.task, first}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            await self.task
        self.addresses = await first
        return self

    async def __aexit__(self, *_: object) -> None:
        self.shut_down()
        for viewer in self._viewers:
            viewer.close()
        await self.task

    def shut_down(self) -> None:
        self._shutdown.set()

    @property
    def port(self) -> int:
        return int(self.addresses.http.rsplit(":", 1)[1])

    async def ask(self, path: str = "/streams/cam1", **named: Any) -> Viewer:
        viewer = await Viewer.ask(self.port, path, **named)
        self._viewers.append(viewer)
        return viewer

    async def streams(self) -> dict[str, Any]:
        """Returns the figures of every stream."""
        viewer = await Viewer.ask(self.port, "/streams", ["Connection: close"])
        figures = json.loads(await viewer.answer())
        viewer.close()
        return dict(figures["streams"])

    async def status(self, path: str) -> int:
        """Asks over a connection of its own; returns the status code."""
        viewer = await Viewer.ask(self.port, path, ["Connection: close"])
        viewer.close()
        return viewer.status


@dataclass(frozen=True)
class Refused:
    """A start that failed: what kept the service from it, and what it left open."""

    problem: str
    left_open: list[str]


async def refused_start(**settings: Any) -> Refused:
    """Returns how a start failed; fails where it did not, or not with one line."""
    problems: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            async with Running(**settings):
                problems.append("none: it has started")
        except* StartError as group:
            problems += [str(each) for each in group.exceptions]
        gc.collect()
    (problem,) = problems
    assert "\n" not in problem
    # One socket that could not be bound is Tornado's own, and goes with the exception.
    left_open = [str(each.message) for each in caught if "('0.0.0.0', 0)" not in str(each.message)]
    return Refused(problem, left_open)
