"""Where the processes meet unless told otherwise."""

from __future__ import annotations

from typing import Final

FRAMES_PRODUCER_SIDE: Final = "tcp://127.0.0.1:5555"
EVENTS_PRODUCER_SIDE: Final = "tcp://127.0.0.1:5556"
FRAMES_STREAMER_SIDE: Final = "tcp://127.0.0.1:5557"
EVENTS_STREAMER_SIDE: Final = "tcp://127.0.0.1:5558"
