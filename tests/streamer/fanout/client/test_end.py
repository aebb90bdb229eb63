"""A response ends with the part under way to its end, then the closing delimiter."""

from __future__ import annotations

import pytest

from protocol import CloseReason, Overload
from streamer.fanout.backlog import every_part
from streamer.fanout.part import Batch
from tests.streamer.frames import HEAD, no_part, part, sized

from .watching import MIN_BUFFER, body, offer_all, watching

PLAIN = part(1).plain


@pytest.mark.parametrize("drop", [False, True])
def test_an_idle_client_is_ended_at_once(drop: bool) -> None:
    client, outlet = watching()
    client.offer(part(1))
    client.finish(CloseReason.STOP, every_part if drop else no_part)
    assert outlet.received == HEAD + PLAIN + b"--\r\n"
    assert outlet.ended
    assert client.ending is CloseReason.STOP


@pytest.mark.parametrize("taken", range(1, len(PLAIN)))
def test_the_part_under_way_comes_to_its_end_and_what_waits_is_dropped(taken: int) -> None:
    client, outlet = watching(len(HEAD) + taken)
    offer_all(client, [part(1), part(2), part(3)])
    client.finish(CloseReason.STOP)
    assert not outlet.ended
    outlet.drain(client)
    assert outlet.received == HEAD + PLAIN + b"--\r\n"
    assert outlet.ended
    assert (client.parts, client.skipped) == (1, 2)


@pytest.mark.parametrize("overload", [Overload.LATEST, Overload.QUEUE])
def test_what_waits_is_delivered_before_the_end_where_that_is_asked_for(overload: Overload) -> None:
    client, outlet = watching(len(HEAD), overload=overload)
    offer_all(client, [part(1), part(2), part(3)])
    client.finish(CloseReason.STOP, no_part)
    outlet.drain(client)
    assert outlet.received == HEAD + PLAIN + part(2).plain + part(3).plain + b"--\r\n"
    assert (client.parts, client.skipped) == (3, 0)


def test_who_is_behind_gets_the_newest_before_the_end() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(9)])
    client.finish(CloseReason.STOP, no_part)
    outlet.drain(client)
    assert body(outlet).numbers == [0, 8]
    assert body(outlet).closed
    assert (client.parts, client.skipped) == (2, 7)


def test_who_is_behind_loses_the_newest_where_what_waits_is_dropped() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(9)])
    client.finish(CloseReason.STOP)
    outlet.drain(client)
    assert body(outlet).numbers == [0]
    assert body(outlet).closed
    assert (client.parts, client.skipped) == (1, 8)


def test_parts_that_come_after_the_end_was_asked_for_are_not_its_own() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    client.finish(CloseReason.STOP, no_part)
    client.offer(part(2))
    client.offer(Batch([part(3), part(4)]))
    outlet.drain(client)
    assert body(outlet).numbers == [1]
    assert (client.parts, client.skipped) == (1, 0)


def test_a_client_is_ended_once_and_for_the_first_reason() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    client.finish(CloseReason.STOP)
    client.finish(CloseReason.SHUTDOWN)
    outlet.drain(client)
    client.finish(CloseReason.SHUTDOWN)
    assert client.ending is CloseReason.STOP
    assert outlet.received == HEAD + PLAIN + b"--\r\n"


def test_an_end_at_once_drops_what_an_end_in_good_order_still_lets_wait() -> None:
    client, outlet = watching(len(HEAD) + 20, overload=Overload.QUEUE)
    offer_all(client, [part(number) for number in range(1, 9)])
    client.finish(CloseReason.STOP, no_part)
    client.finish(CloseReason.STOP)
    outlet.drain(client)
    assert body(outlet).numbers == [1]
    assert body(outlet).closed
    assert (client.parts, client.skipped) == (1, 7)


def test_of_a_batch_under_way_only_the_part_under_way_comes_to_its_end() -> None:
    client, outlet = watching(len(HEAD) + len(PLAIN) + 20)
    client.offer(Batch([part(number) for number in range(1, 9)]))
    client.finish(CloseReason.STOP)
    outlet.drain(client)
    assert body(outlet).numbers == [1, 2]
    assert body(outlet).closed
    assert (client.parts, client.skipped) == (2, 6)


def test_the_closing_delimiter_may_be_taken_byte_by_byte() -> None:
    client, outlet = watching(len(HEAD))
    client.finish(CloseReason.STOP)
    outlet.capacity = 1
    while outlet.wanted:
        outlet.acknowledge()
        outlet.wanted = client.resume()
    assert outlet.received == HEAD + b"--\r\n"
    assert outlet.ended


def test_a_head_under_way_comes_to_its_end_too() -> None:
    client, outlet = watching(5)
    client.finish(CloseReason.SHUTDOWN)
    outlet.drain(client)
    assert outlet.received == HEAD + b"--\r\n"


def test_a_client_that_is_cut_off_loses_what_waits() -> None:
    client, outlet = watching(len(HEAD) + 20)
    offer_all(client, [part(1), part(2), part(3)])
    client.abort(CloseReason.STALLED)
    assert outlet.aborted
    assert client.ending is CloseReason.STALLED
    client.offer(part(4))
    assert outlet.received == HEAD + PLAIN[:20]
    assert client.parts == 0


def test_what_a_client_that_is_cut_off_loses_counts_as_skipped_the_torn_part_included() -> None:
    client, _ = watching(len(HEAD) + 20)
    offer_all(client, [part(1), part(2), part(3)])
    client.abort(CloseReason.STALLED)
    assert client.parts + client.skipped == 3


def test_a_client_that_is_cut_off_while_it_ends_keeps_its_first_reason() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    client.finish(CloseReason.STOP)
    client.abort(CloseReason.SHUTDOWN)
    assert client.ending is CloseReason.STOP
    assert outlet.aborted
