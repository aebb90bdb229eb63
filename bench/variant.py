"""The streamer without one of its optimisations: `python -m bench.variant <variant> <module> ...`.

It reaches into the streamer, so that the streamer needs no switch that only a benchmark would use.
"""

import asyncio
import importlib
import math
import runpy
import sys
from collections.abc import Callable

from bench.build import PEERS
from streamer.fanout import slices as fanout
from streamer.fanout.client import Client
from streamer.fanout.flow import Flow
from streamer.fanout.part import Batch, Part
from streamer.fanout.row import Row
from streamer.fanout.rows import Rows
from streamer.http.connection import Connection


def write_each_frame_by_itself() -> None:
    """Frames that came together are not joined into one write."""

    def takes_none(self: fanout._Gathering, part: Part) -> bool:
        del self, part
        return False

    fanout._Gathering.takes = takes_none  # type: ignore[method-assign]  # noqa: SLF001


def ask_the_system_every_time() -> None:
    """What a client's socket still holds is asked for each part, not only when it may be full."""
    took, offer = Flow.took, Row.offer

    def took_and_forget(self: Flow, wire: bytes | memoryview, accepted: int) -> bool:
        self.ceiling = -math.inf
        return took(self, wire, accepted)

    def forget_and_offer(self: Row, load: Part | Batch, number: int) -> None:
        self._ceiling = -math.inf
        offer(self, load, number)

    Flow.took = took_and_forget  # type: ignore[method-assign]
    Row.offer = forget_and_offer  # type: ignore[method-assign]


def offer_to_each_client() -> None:
    """Clients in step are written to one by one, as all others are."""

    def stay(self: Client, rows: Rows, last: Part, /) -> None:
        del self, rows, last

    Client.sit = stay  # type: ignore[method-assign]


def let_the_system_decide() -> None:
    """A client that is behind reports room as any socket does, with no mark set."""

    def ignore(self: Connection, on: bool, /) -> None:
        del self, on

    Connection.stay_fresh = ignore  # type: ignore[method-assign]


def keep_everybody_fresh() -> None:
    """The mark that a client which is behind has is on every socket, from the start."""
    attach, stay_fresh = Connection.attach, Connection.stay_fresh

    def attach_fresh(self: Connection, client: Client) -> None:
        attach(self, client)
        stay_fresh(self, True)

    let_the_system_decide()
    Connection.attach = attach_fresh  # type: ignore[method-assign]


def use_uvloop() -> None:
    """Another event loop, in place of asyncio's own; it is in the peers' environment."""
    [packages] = PEERS.glob("lib/*/site-packages")
    sys.path.append(str(packages))
    uvloop = importlib.import_module("uvloop")  # not there until now

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


VARIANTS: dict[str, Callable[[], None]] = {
    "no-batching": write_each_frame_by_itself,
    "no-ceiling": ask_the_system_every_time,
    "no-rows": offer_to_each_client,
    "no-freshness": let_the_system_decide,
    "always-fresh": keep_everybody_fresh,
    "uvloop": use_uvloop,
}


def main() -> None:
    VARIANTS[sys.argv[1]]()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
