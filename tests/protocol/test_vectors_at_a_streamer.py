"""A streamer refuses what the vectors say, for the reason they give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from tests.e2e.processes import Command, Publisher, close_sockets, eventually, starting

from .test_vectors import VECTORS, frames_of, limits_of

# Of the others the streamer has not subscribed to the topic: they do not even travel.
ARRIVING = [
    vector
    for section in ("refused_messages", "refused_pictures")
    for vector in VECTORS[section]
    if frames_of(vector)[0].startswith(b"all/") and not limits_of(vector)
]


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as made:
        yield made
        close_sockets()


def refused(streamer: Command) -> Counter[str]:
    lines = streamer.get("/metrics").decode().splitlines()
    counted = [each for each in lines if each.startswith("partcast_refused_messages_total{")]
    counts = {line.split('"')[1]: int(float(line.split()[-1])) for line in counted}
    return +Counter(counts)


def test_a_streamer_counts_every_refused_vector_under_its_reason(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    expected = Counter(vector["reason"] for vector in ARRIVING)
    assert len(expected) == 6
    with starting(tmp_path) as start:
        streamer = start.streamer()
        publisher = Publisher(context, streamer.addresses["frames"])
        publisher.wait_for(b"all/cam1/")
        for vector in ARRIVING:
            publisher.send_raw(*frames_of(vector))
        publisher.send("all/end/", b"\xff\xd8")
        eventually(lambda: "end" in streamer.streams(), "the frame behind them")
        assert refused(streamer) == expected
        assert all(each["frames"] == (name == "end") for name, each in streamer.streams().items())
