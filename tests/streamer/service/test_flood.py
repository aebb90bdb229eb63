"""While frames flood in, everything else still has its turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .running import Running

pytestmark = pytest.mark.gen_test(timeout=60)
# Publishes frames as fast as they go, until it is ended.
FLOOD = """
import sys, zmq
sock = zmq.Context().socket(zmq.XPUB)
sock.connect(sys.argv[1])
sock.recv()
body = b"\\xff\\xd800000000".ljust(int(sys.argv[2]), b".")
while True:
    sock.send_multipart([b"all/cam1/", b"", body])
"""


@contextmanager
def flooding(endpoint: str, size: int) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", FLOOD, endpoint, str(size)]) as process:
        try:
            yield
        finally:
            process.kill()


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
async def test_requests_are_answered_while_a_flood_comes_in(size: int) -> None:
    async with Running() as running:
        for _ in range(20):
            await running.ask()
        with flooding(running.addresses.frames[0], size):
            # Both have their turn: each answer finds that more has come in since the last one.
            counts = [0.0]
            while len(set(counts)) < 20:
                counts.append(await received(running))
            late = await running.ask()
            assert len(await late.parts(3)) >= 3
        assert counts == sorted(counts)
