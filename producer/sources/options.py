"""How a source is to be read: one frozen, validated value."""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# Pictures per second: one in about a quarter of an hour; a rarer one looks like none.
MIN_FPS: Final = 0.001

# Pictures per second; faster than any screen shows them.
MAX_FPS: Final = 240.0

# Seconds: a day. Who waits longer wants no limit; timers of the system end at some weeks.
MAX_TIMEOUT_S: Final = 86_400

# Pixels; one JPEG block of 4:2:0 colour (ITU T.81 A.2), nothing smaller is worth drawing.
MIN_SIDE_PX: Final = 16

# Pixels; 8K video and some. A picture of this size squared already costs 200 MB to draw.
MAX_SIDE_PX: Final = 8192

# JPEG quality; above it Pillow's files grow and the pictures do not improve.
MAX_QUALITY: Final = 95


class Order(StrEnum):
    """In which order the images of a folder are shown."""

    NAME = "name"
    TIME = "time"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Options of a source; each kind uses those that mean something to it.

    Attributes:
        fps: pictures per second, 0.001 to 240. A folder, the test pattern and standard input are
            shown at this rate (10, 10 and as they come when None); cameras and videos at no more
            than it. A still-image URL is asked this often (once a second when None).
        loop: begin again at the end (folders and recorded videos).
        order: of the images of a folder. A plain string is taken, too.
        size: width and height in pixels, of the test pattern, and of webcams and videos.
        quality: 1 to 95, of pictures that have to be encoded as JPEG.
        user: login name for a camera; a login in the URL comes second to it.
        password: to that login.
        verify_tls: whether a server's certificate has to be valid.
        connect_timeout_s: seconds to reach a server, a day at most.
        read_timeout_s: seconds of silence after which a live source counts as lost, a day at most.

    Raises:
        ValueError: a value that is not allowed; the text names it and what is.

    """

    fps: float | None = None
    loop: bool = False
    order: Order = Order.NAME
    size: tuple[int, int] | None = None
    quality: int = 85
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        _check_fps(self.fps)
        _check_size(self.size)
        object.__setattr__(self, "order", _order(self.order))
        if not 1 <= self.quality <= MAX_QUALITY:
            raise ValueError(f"quality must be 1 to {MAX_QUALITY}, not {self.quality}")
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        _check_timeout("connect_timeout_s", self.connect_timeout_s)
        _check_timeout("read_timeout_s", self.read_timeout_s)


def parse_size(text: str) -> tuple[int, int]:
    """Reads `WIDTHxHEIGHT`, such as 640x360.

    Raises:
        ValueError: the text has another form, or a side is out of bounds.

    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if match is None:
        raise ValueError(f"size must be WIDTHxHEIGHT, such as 640x360, not {text!r}")
    size = int(match[1]), int(match[2])
    _check_size(size)
    return size


def _order(value: str) -> Order:
    try:
        return Order(value)
    except ValueError:
        allowed = ", ".join(Order)
        raise ValueError(f"order must be one of {allowed}, not {value!r}") from None


def _check_fps(fps: float | None) -> None:
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise ValueError(f"fps must be {MIN_FPS:g} to {MAX_FPS:g}, not {_shown(fps)}")


def _check_size(size: tuple[int, int] | None) -> None:
    if size is not None and not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in size):
        width, height = size
        raise ValueError(
            f"size must be {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels a side, not {width}x{height}"
        )


def _check_timeout(name: str, seconds: float) -> None:
    if not 0 < seconds <= MAX_TIMEOUT_S:
        allowed = f"more than 0 and at most {MAX_TIMEOUT_S} seconds"
        raise ValueError(f"{name} must be {allowed}, not {_shown(seconds)}")


def _shown(number: float) -> str:
    # A whole number has as many digits as a file gives it, also more than a float can hold.
    return f"{number:g}" if isinstance(number, float) else reprlib.repr(number)
