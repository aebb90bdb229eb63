"""Under `queue` nothing is skipped, and a queue that overflows ends its client."""

from __future__ import annotations

import pytest

from protocol import CloseReason, Overload
from tests.streamer.frames import HEAD, part, sized, targeted

from .watching import body, offer_all, watching

QUEUE = 10_000


def test_everything_that_waits_is_delivered_in_order() -> None:
    client, outlet = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE)
    offer_all(client, [sized(number, 1000) for number in range(11)])
    outlet.drain(client)
    assert body(outlet).numbers == list(range(11))
    assert (client.parts, client.skipped) == (11, 0)
    assert client.idle


def test_the_buffer_of_latest_is_no_limit() -> None:
    client, outlet = watching(
        1 << 20, overload=Overload.QUEUE, queue_bytes=QUEUE, client_buffer_bytes=4096
    )
    offer_all(client, [sized(number, 1000) for number in range(100)])
    assert body(outlet).numbers == list(range(100))


def test_a_queue_that_is_full_to_the_byte_has_not_overflowed() -> None:
    client, outlet = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE)
    client.offer(sized(0, 500))  # under way
    offer_all(client, [sized(number, 1000) for number in range(1, 11)])
    assert client.ending is None
    client.offer(sized(11, 200))
    assert client.ending is CloseReason.OVERFLOW
    assert outlet.aborted


def test_what_an_overflow_loses_is_counted() -> None:
    client, _ = watching(len(HEAD) + 600, overload=Overload.QUEUE, queue_bytes=QUEUE)
    offer_all(client, [sized(number, 500) for number in range(100)])
    assert client.ending is CloseReason.OVERFLOW
    assert client.parts == 1
    # One was under way, twenty waited, one was too much; what came later is not its own.
    assert client.skipped in {21, 22}


def test_after_an_overflow_nothing_is_written() -> None:
    client, outlet = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE)
    offer_all(client, [sized(number, 1000) for number in range(12)])
    received = bytes(outlet.received)
    outlet.capacity = 1 << 20
    client.offer(part(12))
    assert outlet.received == received


@pytest.mark.parametrize("size", [200, 100_000])
def test_targeted_parts_within_the_window_may_wait_whatever_their_size(size: int) -> None:
    client, outlet = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE, window=16)
    offer_all(client, [targeted(number, size) for number in range(16)])
    assert client.ending is None
    outlet.drain(client)
    assert body(outlet).numbers == list(range(16))


def test_targeted_parts_beyond_the_window_overflow_a_queue_that_is_full() -> None:
    client, _ = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE, window=4)
    offer_all(client, [targeted(number, 20_000) for number in range(5)])
    assert client.ending is None  # one is under way
    client.offer(targeted(5, 20_000))
    assert client.ending is CloseReason.OVERFLOW


def test_each_targeted_part_is_credited_when_its_last_byte_was_taken() -> None:
    credited: list[int] = []
    client, outlet = watching(on_credit=credited.append, overload=Overload.QUEUE)
    client.offer(targeted(1))
    assert credited == [1]
    outlet.prompt, outlet.capacity = False, 50
    offer_all(client, [targeted(2), targeted(3)])
    assert credited == [1]
    outlet.drain(client)
    assert credited == [1, 2, 3]


def test_parts_for_all_are_not_credited_one_by_one() -> None:
    credited: list[int] = []
    client, outlet = watching(on_credit=credited.append, overload=Overload.QUEUE)
    client.offer(part(1))
    outlet.prompt, outlet.capacity = False, 50
    offer_all(client, [part(2), part(3)])
    outlet.drain(client)
    assert credited == []
    assert client.delivered == 3


def test_a_part_that_was_refused_is_credited_or_its_producer_would_wait_for_ever() -> None:
    credited: list[int] = []
    client, _ = watching(on_credit=credited.append, overload=Overload.QUEUE)
    client.refuse()
    assert credited == [1]
    assert (client.parts, client.skipped) == (0, 1)


def test_under_latest_nobody_is_credited() -> None:
    client, outlet = watching()
    client.offer(targeted(1))
    assert client.delivered == 1
    assert body(outlet).numbers == [1]


def test_a_producer_that_keeps_within_the_window_never_overflows_beside_parts_for_all() -> None:
    client, outlet = watching(len(HEAD), overload=Overload.QUEUE, queue_bytes=QUEUE, window=4)
    offer_all(client, [sized(number, 1000) for number in range(10)])
    offer_all(client, [targeted(number, 3000) for number in range(100, 104)])
    assert client.ending is None
    outlet.drain(client)
    assert body(outlet).numbers == [*range(10), *range(100, 104)]
