from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from streamer.fanout.limits import Limits

from .pair import Connect, Pair


@pytest.fixture
def connect(io_loop: IOLoop, loop: asyncio.AbstractEventLoop) -> Iterator[Connect]:
    """Connects a viewer whose response has begun; closed after the test."""
    pairs: list[Pair] = []

    def connect(*, receive_buffer: int | None = None, advance: bool = False, **limits: Any) -> Pair:
        pair = Pair(loop, Limits(**limits), receive_buffer=receive_buffer, advance=advance)
        pairs.append(pair)
        pair.begin()
        return pair

    yield connect
    for pair in pairs:
        pair.close()
    io_loop.run_sync(lambda: asyncio.sleep(0.01))
