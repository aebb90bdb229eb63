"""Who watches a stream, as the hub and the rows see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from protocol import CloseReason
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch, Part

if TYPE_CHECKING:
    from streamer.fanout.rows import Rows


class Viewer(Protocol):
    """Who watches a stream, as the hub sees it."""

    id: str
    stream: str
    peer: str
    query: Mapping[str, str]
    joined_at: float
    limits: Limits
    repeated_at: float
    ending: CloseReason | None
    served_in: int

    @property
    def parts(self) -> int:
        """Parts delivered."""

    @property
    def payload_bytes(self) -> int:
        """Payload bytes of those parts."""

    @property
    def skipped(self) -> int:
        """Parts that were offered and will not be delivered."""

    @property
    def repeats(self) -> int:
        """Repeated parts delivered, counted in none of the others."""

    @property
    def delivered(self) -> int:
        """Parts that no longer count against a producer's window."""

    def offer(self, load: Part | Batch, /) -> None:
        """Hands over a part, or parts that came together, without waiting."""

    def refuse(self) -> None:
        """Counts a part for this client alone that was refused."""

    def repeat(self, part: Part, now: float, /) -> None:
        """Writes a part that was delivered before, where that holds nothing else up."""

    def finish(self, reason: CloseReason, cuts: Callable[[Part], bool] = ..., /) -> None:
        """Ends the response in good order; what waits is dropped, or that which `cuts` names."""

    def abort(self, reason: CloseReason) -> None:
        """Ends the connection at once."""

    def sit(self, rows: Rows, last: Part, /) -> None:
        """Takes a seat among those who are in step, where it is one of them."""

    def stand(self) -> None:
        """Leaves its seat, where it has one."""

    def stalled(self, now: float, timeout_s: float) -> bool:
        """Tells whether it has accepted nothing of what waits for `timeout_s`."""
