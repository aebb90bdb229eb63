"""Parts for browsers, which paint one when the header block of the *next* part is complete.

Behind each image the header block of the coming part is sent in advance, without a length: that
part is *open*, and whatever image comes next fills it. No I/O.
"""

from __future__ import annotations

from streamer.fanout.part import Batch, Part


class Advance:
    """What the parts look like to one client that is served so."""

    __slots__ = ("_last", "_open")

    def __init__(self) -> None:
        self._open = False
        self._last: Part | None = None

    def form(self, load: Part | Batch) -> bytes:
        """Returns the bytes of a part, or of parts that came together.

        No bytes where it is no image and cannot fill the open part, and where parts have to go
        one by one.
        """
        if self._open:
            return load.in_step(True)
        if isinstance(load, Batch):
            return b""
        return load.opening if load.is_image else load.plain

    def shown(self, part: Part) -> None:
        """Takes note that a part was written to its end."""
        self._last = part
        self._open = part.is_image

    def last_filling(self) -> bytes:
        """Returns what fills the open part at the end of the stream: the last image again."""
        return self._last.last_filling if self._open and self._last is not None else b""
