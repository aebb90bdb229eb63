"""Under `latest` a client that cannot keep up skips whole parts and gets the newest one."""

from __future__ import annotations

from itertools import pairwise

import pytest

from streamer.fanout.part import Batch
from tests.streamer.frames import HEAD, part, sized

from .watching import MIN_BUFFER, body, offer_all, watching

BUFFER = 10_000


def test_a_burst_within_the_buffer_skips_nothing() -> None:
    client, outlet = watching(len(HEAD), client_buffer_bytes=BUFFER)
    outlet.acknowledge()
    outlet.capacity = 0
    offer_all(client, [sized(number, 1000) for number in range(10)])
    assert client.skipped == 0
    outlet.drain(client)
    assert body(outlet).numbers == list(range(10))


def test_beyond_the_buffer_the_newest_part_replaces_the_one_before() -> None:
    client, outlet = watching(0, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 1000) for number in range(30)])
    # What waits within the buffer was not skipped, and the newest is held behind it.
    assert client.behind
    outlet.drain(client)
    numbers = body(outlet).numbers
    waited = (BUFFER - len(HEAD)) // 1000
    assert numbers == [*range(waited), 29]
    assert client.parts + client.skipped == 30
    assert client.skipped == 30 - len(numbers)


def test_what_the_system_still_holds_counts_as_waiting() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    outlet.acknowledge()
    offer_all(client, [sized(number, 1000) for number in range(30)])
    assert outlet.unacknowledged() <= BUFFER
    assert outlet.unacknowledged() > BUFFER - 1000
    assert client.behind


def test_what_waits_is_bounded_whatever_comes() -> None:
    size = 700
    client, outlet = watching(3000, client_buffer_bytes=BUFFER)
    for number in range(1000):
        client.offer(sized(number, size))
        offered = (number + 1 - client.skipped) * size
        here = offered - (len(outlet.received) - len(HEAD))
        # Beside what is within the buffer there is the newest part, which is held.
        assert here + outlet.unacknowledged() <= BUFFER + size


def test_no_part_is_torn() -> None:
    client, outlet = watching(0, client_buffer_bytes=MIN_BUFFER)
    for number in range(500):
        client.offer(sized(number, 1500))
        outlet.capacity = 700
        outlet.acknowledge(333)
        outlet.report_room(client)
    outlet.drain(client)
    numbers = body(outlet).numbers
    assert body(outlet).rest == b""
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 499
    assert 50 < len(numbers) < 200


def test_the_newest_skipped_part_is_sent_as_soon_as_there_is_room() -> None:
    client, outlet = watching(5000, client_buffer_bytes=5000)
    offer_all(client, [sized(number, 2000) for number in range(10)])
    outlet.acknowledge()
    outlet.report_room(client)
    # No further part had to come.
    assert body(outlet).numbers[-1] == 9


def test_who_is_behind_is_told_of_room_only_when_nearly_nothing_is_unsent() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(10)])
    assert outlet.fresh
    outlet.acknowledge(5000)
    assert not outlet.has_room
    outlet.acknowledge()
    outlet.report_room(client)
    assert body(outlet).numbers == [0, 1, 2, 9]


def test_who_is_behind_gets_one_part_at_a_time() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(10)])
    for number in range(10, 40):
        outlet.acknowledge(1000)
        outlet.report_room(client)
        client.offer(sized(number, 3000))
        # One under way, one that is held.
        assert outlet.unacknowledged() <= BUFFER
    seen = body(outlet).numbers
    assert seen[:3] == [0, 1, 2]
    # From then on each part was the newest when it was sent: three came in the time of one.
    assert all(later - earlier == 3 for earlier, later in pairwise(seen[4:]))


def test_a_client_has_caught_up_when_a_part_finds_nothing_unsent() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(5)])
    outlet.drain(client)
    client.offer(sized(5, 3000))
    assert not client.behind
    assert client.idle
    assert not outlet.fresh
    assert body(outlet).numbers == [0, 1, 2, 4, 5]


def test_a_client_that_has_caught_up_skips_nothing_again() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(5)])
    outlet.drain(client)
    skipped = client.skipped
    offer_all(client, [sized(number, 1000) for number in range(10, 20)])
    outlet.drain(client)
    assert body(outlet).numbers[-10:] == list(range(10, 20))
    assert client.skipped == skipped


def test_a_part_larger_than_the_buffer_goes_to_a_client_that_is_empty() -> None:
    client, outlet = watching(client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [part(1, 50_000), part(2, 50_000)])
    assert body(outlet).numbers == [1, 2]


def test_a_part_larger_than_the_buffer_waits_while_anything_waits() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    outlet.acknowledge()
    offer_all(client, [part(number, 50_000) for number in range(1, 5)])
    assert body(outlet).numbers == [1]
    outlet.drain(client)
    assert body(outlet).numbers == [1, 4]
    assert (client.parts, client.skipped) == (2, 2)


def test_bytes_on_their_way_through_the_network_do_not_keep_the_newest_back() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(5)])
    outlet.send()
    outlet.report_room(client)
    assert body(outlet).numbers == [0, 1, 2, 4]


def test_a_batch_that_does_not_fit_is_offered_part_by_part() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [sized(0, 2000)])
    client.offer(Batch([sized(number, 1500) for number in range(1, 6)]))
    assert outlet.unacknowledged() <= MIN_BUFFER
    outlet.drain(client)
    assert body(outlet).numbers == [0, 1, 5]


@pytest.mark.parametrize("client_buffer_bytes", [MIN_BUFFER, 20_000])
def test_a_batch_keeps_within_the_buffer_of_an_empty_client_too(client_buffer_bytes: int) -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=client_buffer_bytes)
    outlet.acknowledge()
    client.offer(Batch([sized(number, 1500) for number in range(30)]))
    assert outlet.unacknowledged() <= client_buffer_bytes
