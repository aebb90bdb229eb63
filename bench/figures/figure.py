"""What a figure is."""

from dataclasses import dataclass

from bench.columns import Column
from bench.procedures import Procedure


@dataclass(frozen=True)
class Figure:
    """One table of the report.

    Attributes:
        name: as `--only` takes it.
        title: what is measured.
        procedure: how.
        servers: measured in every round, one right after the other.
        columns: what the table shows; the first also stands on the progress line.
        beside: servers for orientation, measured in the first round only.
        case: what the cases of a row are, where there are several.
        rounds: how many there are at most, whatever is asked for; None for no such limit.
        cores: how many this machine must have.
        asked_for: whether it is measured only where `--only` names it.
        over: the server whose CPU per part the table compares the others' with.

    """

    name: str
    title: str
    procedure: Procedure
    servers: tuple[str, ...]
    columns: tuple[Column, ...]
    beside: tuple[str, ...] = ()
    case: str = ""
    rounds: int | None = None
    cores: int = 2
    asked_for: bool = False
    over: str = ""

    def rounds_of(self, wanted: int) -> int:
        """Gives how many rounds there are where so many are wanted."""
        return wanted if self.rounds is None else min(wanted, self.rounds)
