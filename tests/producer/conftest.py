from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import zmq

from producer import Producer

from .core_bench import Bench
from .fake_streamer import Context, FakeStreamer, close_sockets
from .hearing import Hearing
from .meeting import join


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


@pytest.fixture
def bench(streamer: FakeStreamer) -> Iterator[Bench]:
    bench = Bench(streamer)
    yield bench
    bench.core.close()


@pytest.fixture
def producer(streamer: FakeStreamer) -> Iterator[Producer]:
    with Producer(*streamer.addresses) as producer:
        join(producer, streamer)
        yield producer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()
