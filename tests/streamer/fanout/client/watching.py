"""A client on a socket that the test holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamer.fanout.client import Client
from streamer.fanout.limits import Limits
from streamer.fanout.part import Part
from streamer.fanout.totals import Totals
from tests.streamer.frames import HEAD
from tests.streamer.multipart import Body, read_body
from tests.streamer.outlet import FakeOutlet, FakeTogether

MIN_BUFFER = 4096


def watching(
    capacity: int | None = None,
    *,
    advance: bool = False,
    on_credit: Callable[[int], None] | None = None,
    joined_at: float = 0.0,
    together: bool = True,
    **limits: Any,
) -> tuple[Client, FakeOutlet]:
    """Returns a client whose response has begun, and its outlet."""
    outlet = FakeOutlet(capacity, FakeTogether() if together else None)
    client = Client(
        "node-1",
        "cam1",
        outlet,
        Limits(**limits),
        Totals(),
        query={},
        joined_at=joined_at,
        advance=advance,
        on_credit=on_credit,
    )
    client.begin(HEAD)
    outlet.report_room(client)
    return client, outlet


def body(outlet: FakeOutlet) -> Body:
    """Returns what has come to the peer, read as a multipart body."""
    head, _, rest = bytes(outlet.received).partition(b"\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK"
    return read_body(rest)


def offer_all(client: Client, parts: Iterable[Part]) -> None:
    for each in parts:
        client.offer(each)
