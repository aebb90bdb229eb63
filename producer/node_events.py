"""What a node says of itself, with its id: on the wire that stands beside the event."""

from __future__ import annotations

from dataclasses import dataclass

from protocol import Goodbye as SaidGoodbye
from protocol import Heartbeat as SaidHeartbeat


@dataclass(frozen=True, slots=True)
class Heartbeat(SaidHeartbeat):
    """A node is alive; the next heartbeat comes in `interval` seconds.

    Attributes:
        node: id of the node.

    """

    node: str


@dataclass(frozen=True, slots=True)
class Goodbye(SaidGoodbye):
    """A node ends in good order; its clients are gone.

    Attributes:
        node: id of the node.

    """

    node: str
