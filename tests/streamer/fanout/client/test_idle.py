"""A client that keeps up: every part goes straight to its socket."""

from __future__ import annotations

import pytest

from protocol import Overload
from streamer.fanout.client import Client
from streamer.fanout.limits import Limits
from streamer.fanout.part import Batch
from streamer.fanout.totals import Totals
from tests.streamer.frames import HEAD, part, sized, text_part
from tests.streamer.outlet import FakeOutlet

from .watching import body, offer_all, watching

POLICIES = [Overload.LATEST, Overload.QUEUE]


def test_a_response_begins_with_its_head_and_the_first_delimiter() -> None:
    client, outlet = watching()
    assert outlet.received == HEAD
    assert client.idle
    assert not outlet.wanted


@pytest.mark.parametrize("overload", POLICIES)
def test_a_part_is_written_at_once(overload: Overload) -> None:
    client, outlet = watching(overload=overload)
    client.offer(part(1))
    assert outlet.received == HEAD + part(1).plain
    assert client.idle
    assert not outlet.wanted


def test_what_was_delivered_is_counted_in_parts_and_payload_bytes() -> None:
    client, _ = watching()
    offer_all(client, [part(1), part(2, 1000), text_part(3)])
    assert (client.parts, client.payload_bytes, client.skipped, client.repeats) == (
        3,
        10 + 1000 + 14,
        0,
        0,
    )
    assert client.delivered == 3


def test_a_client_that_keeps_up_costs_one_call_for_each_part() -> None:
    client, outlet = watching(client_buffer_bytes=100_000)
    outlet.calls.clear()
    offer_all(client, [sized(number, 1000) for number in range(990)])
    assert outlet.calls["write"] == 990
    # The system is asked what it holds only when the bytes written could fill the buffer.
    assert outlet.calls["unacknowledged"] <= 10


def test_under_queue_the_system_is_never_asked() -> None:
    client, outlet = watching(overload=Overload.QUEUE)
    offer_all(client, [part(number, 50_000) for number in range(100)])
    assert outlet.calls["unacknowledged"] == 0


@pytest.mark.parametrize("overload", POLICIES)
@pytest.mark.parametrize("advance", [False, True])
def test_a_part_may_be_taken_in_any_two_pieces(overload: Overload, advance: bool) -> None:
    whole = part(1).opening if advance else part(1).plain
    for taken in range(len(whole)):
        client, outlet = watching(len(HEAD) + taken, advance=advance, overload=overload)
        client.offer(part(1))
        assert outlet.wanted
        assert client.parts == 0
        outlet.drain(client)
        assert outlet.received == HEAD + whole
        assert client.parts == 1
        assert client.idle


def test_a_part_may_be_taken_byte_by_byte() -> None:
    client, outlet = watching(len(HEAD))
    offer_all(client, [part(1), part(2)])
    outlet.capacity = 1
    while outlet.wanted:
        outlet.acknowledge()
        outlet.wanted = client.resume()
    assert body(outlet).numbers == [1, 2]
    assert client.parts == 2


def test_the_head_may_be_taken_in_pieces_and_parts_follow_it() -> None:
    for taken in range(len(HEAD)):
        client, outlet = watching(taken)
        client.offer(part(1))
        outlet.drain(client)
        assert outlet.received == HEAD + part(1).plain


def test_parts_that_came_together_go_out_in_one_write() -> None:
    client, outlet = watching()
    outlet.calls.clear()
    client.offer(Batch([part(number) for number in range(5)]))
    assert outlet.calls["write"] == 1
    assert body(outlet).numbers == [0, 1, 2, 3, 4]
    assert (client.parts, client.payload_bytes) == (5, 50)


@pytest.mark.parametrize("overload", POLICIES)
@pytest.mark.parametrize("advance", [False, True])
@pytest.mark.parametrize("opened", [False, True])
def test_a_batch_may_be_taken_in_any_two_pieces(
    overload: Overload, advance: bool, opened: bool
) -> None:
    before = [part(0)] if opened else []
    for more in range(0, 400, 7):
        client, outlet = watching(advance=advance, overload=overload)
        offer_all(client, before)
        outlet.prompt = False
        outlet.capacity = more
        client.offer(Batch([part(1), part(2), part(3)]))
        outlet.drain(client)
        assert body(outlet).numbers == [*(each for each in range(len(before))), 1, 2, 3]
        assert (client.parts, client.skipped) == (3 + len(before), 0)
        assert client.idle


def test_parts_that_came_together_go_out_one_by_one_where_the_outlet_is_alone() -> None:
    client, outlet = watching(together=False)
    outlet.calls.clear()
    client.offer(Batch([part(number) for number in range(5)]))
    assert outlet.calls["write"] == 5
    assert body(outlet).numbers == list(range(5))


def test_a_batch_for_a_client_that_is_busy_waits_part_by_part() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    client.offer(Batch([part(2), part(3)]))
    outlet.drain(client)
    assert body(outlet).numbers == [1, 2, 3]


def test_a_client_keeps_what_it_was_made_of() -> None:
    client = Client(
        "node-7",
        "cam1",
        FakeOutlet(),
        Limits(),
        Totals(),
        peer="1.2.3.4:5",
        query={"a": "b"},
        joined_at=9.0,
    )
    assert (client.id, client.stream, client.peer) == ("node-7", "cam1", "1.2.3.4:5")
    assert (client.query, client.joined_at, client.ending) == ({"a": "b"}, 9.0, None)
