from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tornado import web
from tornado.ioloop import IOLoop

from protocol import CloseReason
from streamer.configuration.settings import Settings

from .served import Served, eventually
from .viewer import Ask, Viewer


@pytest.fixture
def settings() -> Settings:
    """The process's settings; a test that needs others says so by `parametrize`."""
    return Settings()


@pytest.fixture
def served(io_loop: IOLoop, settings: Settings) -> Iterator[Served]:
    loop: asyncio.AbstractEventLoop = io_loop.asyncio_loop  # type: ignore[attr-defined]
    served = Served(settings, loop)
    yield served
    served.hub.abort_all(CloseReason.SHUTDOWN)
    io_loop.run_sync(lambda: eventually(lambda: not served.tasks, "tasks to end"))


@pytest.fixture
def app(served: Served) -> web.Application:
    return served.application()


@pytest.fixture
def ask(io_loop: IOLoop, served: Served, http_server: object, http_port: int) -> Iterator[Ask]:
    """Sends a request and returns the viewer; closed after the test."""
    viewers: list[Viewer] = []

    async def ask(*arguments: Any, **named: Any) -> Viewer:
        viewer = await Viewer.ask(http_port, *arguments, **named)
        viewers.append(viewer)
        return viewer

    yield ask
    for viewer in viewers:
        viewer.close()
    # The server's ends of the connections are closed in the turns that follow.
    io_loop.run_sync(lambda: asyncio.sleep(0.01))
