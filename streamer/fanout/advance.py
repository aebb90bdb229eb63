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

    @property
    def is_open(self) -> bool:
        """Whether there is an open part."""
        return self._open

    def form(self, part: Part) -> bytes | None:
        """Returns the bytes of a part; None where it is no image and cannot fill the open one."""
        if not self._open:
            return part.opening if part.is_image else part.plain
        return part.filling if part.is_image else None

    def form_of_batch(self, batch: Batch) -> bytes:
        """Returns the bytes of parts in one piece; none where they have to go one by one."""
        return batch.filling if self._open else b""

    def shown(self, part: Part) -> None:
        """Takes note that a part was written to its end."""
        self._last = part
        self._open = part.is_image

    def last_filling(self) -> bytes:
        """Returns what fills the open part at the end of the stream: the last image again."""
        return self._last.last_filling if self._open and self._last is not None else b""
