"""Where the processes meet unless told otherwise."""

from __future__ import annotations

from protocol import (
    EVENTS_PRODUCER_SIDE,
    EVENTS_STREAMER_SIDE,
    FRAMES_PRODUCER_SIDE,
    FRAMES_STREAMER_SIDE,
)


def test_the_endpoints_are_four_ports_of_loopback() -> None:
    assert FRAMES_PRODUCER_SIDE == "tcp://127.0.0.1:5555"
    assert EVENTS_PRODUCER_SIDE == "tcp://127.0.0.1:5556"
    assert FRAMES_STREAMER_SIDE == "tcp://127.0.0.1:5557"
    assert EVENTS_STREAMER_SIDE == "tcp://127.0.0.1:5558"
