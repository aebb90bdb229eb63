from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from .fake_streamer import Context, FakeStreamer, close_sockets


@pytest.fixture
def context() -> Iterator[Context]:
    context: Context = zmq.Context()
    yield context
    close_sockets()
    context.destroy(0)


@pytest.fixture
def streamer(context: Context) -> FakeStreamer:
    """A node that takes everything."""
    streamer = FakeStreamer(context)
    streamer.subscribe()
    return streamer
