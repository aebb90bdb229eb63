"""While frames flood in, everything else still has its turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families

from tests.streamer.frames import jpeg

from .running import Running

pytestmark = pytest.mark.gen_test(timeout=60)


@contextmanager
def flooding(endpoint: str, size: int) -> Iterator[None]:
    """Publishes frames as fast as they go, from a thread with a context of its own."""
    ended = threading.Event()
    begun = threading.Event()

    def publish() -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as sock:
            sock.setsockopt(zmq.LINGER, 0)
            sock.connect(endpoint)
            sock.recv()
            body = jpeg(0, size)
            while not ended.is_set():
                for _ in range(100):
                    sock.send_multipart([b"all/cam1/", b"", body])
                begun.set()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def received(running: Running) -> float:
    """Asks for the metrics; returns how many messages have come in."""
    viewer = await running.ask("/metrics")
    families = text_string_to_metric_families((await viewer.answer()).decode())
    (sample,) = (
        each
        for family in families
        for each in family.samples
        if each.name == "partcast_received_messages_total"
    )
    return float(sample.value)


@pytest.mark.parametrize("size", [100, 50_000])
async def test_a_request_is_answered_while_a_flood_comes_in(size: int) -> None:
    async with Running() as running:
        viewers = [await running.ask() for _ in range(20)]
        with flooding(running.addresses.frames[0], size):
            counts = [await received(running) for _ in range(10)]
            late = await running.ask()
            assert len(await late.parts(3)) >= 3
        assert counts == sorted(counts)
        # Both had their turn: requests were answered, and frames came in between.
        assert len(set(counts)) >= 5
        assert len(viewers) == 20
