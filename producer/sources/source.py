"""What a picture source is: pictures one after another, and when to show each."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

# Bytes of one picture; what a streamer takes unless told otherwise (`max_frame_bytes`).
MAX_PICTURE_BYTES: Final = 16 * 1024 * 1024

# Seconds between two looks at `stop` while waiting for bytes: well under the promised 0.5 s.
STOP_POLL_S: Final = 0.1


class SourceError(Exception):
    """A source that cannot be used. Its text is one line for people: what is wrong, what helps."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as it is to be published.

    `offset_s` says when to show it, in seconds after the source began; None means live: at once.
    `time_ns` is the capture time in Unix nanoseconds, where the source knows it.
    """

    body: bytes
    content_type: str = "image/jpeg"
    offset_s: float | None = None
    time_ns: int | None = None


# A run of a source. `close()` releases whatever the run holds.
Pictures: TypeAlias = Generator[Picture, None, None]


class Source(Protocol):
    """Something that brings pictures.

    Offsets never decrease within a run. A source of recorded pictures never waits between them:
    who publishes keeps the pace.
    """

    @property
    def length(self) -> int | None:
        """Number of pictures in one run, or None where it is unknown or endless."""
        ...

    def pictures(self, stop: threading.Event) -> Pictures:
        """Begins a fresh run; several may go on at the same time, in different threads.

        Blocks between pictures and ends within 0.5 s after `stop` is set.

        Raises:
            SourceError: the source cannot be used (any more).

        """
        ...
