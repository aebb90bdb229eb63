"""How each figure is measured: one server, one round, rows of figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.servers import Server

Row = dict[str, Any]

START_S = 1.5  # about what it takes to start a server, its clients and its publisher, and to end


@dataclass(frozen=True)
class Effort:
    """How long and how often to look."""

    rounds: int
    window_s: float  # a steady window that a figure comes from
    probe_s: float  # a window that only says whether a rate is kept up with
    settle_s: float  # from a change of load to the window
    slow_s: float  # how long slow and stuck clients are watched
    search_steps: int  # probes of one search for the highest rate


SHORT = Effort(rounds=1, window_s=1.0, probe_s=0.6, settle_s=0.4, slow_s=8, search_steps=7)
FULL = Effort(rounds=5, window_s=3.0, probe_s=1.2, settle_s=0.5, slow_s=30, search_steps=12)


class Procedure(Protocol):
    """Measures one server once."""

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        """Gives one row for each case.

        Args:
            server: what is measured.
            effort: how long to look.
            earlier: the server's rows of the rounds before.

        Raises:
            UnavailableError: where this cannot be measured here.

        """

    def estimate_s(self, effort: Effort, /) -> float:
        """Gives about how long that takes, seconds."""
