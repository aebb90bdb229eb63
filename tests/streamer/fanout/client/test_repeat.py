"""A still picture is sent once more, which is counted apart and holds nothing up."""

from __future__ import annotations

from protocol import CloseReason
from tests.streamer.frames import HEAD, part, sized, text_part

from .watching import MIN_BUFFER, body, offer_all, watching


def test_a_repeat_is_the_same_part_again_and_counts_as_no_part() -> None:
    client, outlet = watching()
    client.offer(part(1))
    client.repeat(part(1), 7.5)
    assert outlet.received == HEAD + part(1).plain + part(1).plain
    assert (client.parts, client.payload_bytes, client.skipped, client.repeats) == (1, 10, 0, 1)
    assert client.delivered == 1
    assert client.repeated_at == 7.5


def test_a_repeat_that_is_taken_in_pieces_counts_when_it_is_whole() -> None:
    client, outlet = watching()
    client.offer(part(1))
    outlet.prompt, outlet.capacity = False, 20
    client.repeat(part(1), 7.5)
    assert client.repeats == 0
    client.offer(part(2))
    outlet.drain(client)
    assert body(outlet).numbers == [1, 1, 2]
    assert (client.parts, client.repeats) == (2, 1)


def test_a_client_that_is_busy_gets_no_repeat() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    client.repeat(part(1), 7.5)
    assert client.repeated_at < 0
    outlet.drain(client)
    assert body(outlet).numbers == [1]
    assert client.repeats == 0


def test_a_client_whose_buffer_is_full_gets_no_repeat() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    outlet.acknowledge()
    client.offer(sized(1, 3000))
    client.repeat(sized(1, 3000), 7.5)
    assert body(outlet).numbers == [1]
    assert (client.repeats, client.skipped) == (0, 0)


def test_a_client_that_was_behind_gets_a_repeat_once_it_has_caught_up() -> None:
    client, outlet = watching(1 << 20, client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [sized(number, 3000) for number in range(3)])
    client.repeat(sized(2, 3000), 7.5)
    assert client.repeats == 0
    outlet.drain(client)
    client.repeat(sized(2, 3000), 7.6)
    assert not client.behind
    assert body(outlet).numbers == [0, 2, 2]
    assert client.repeats == 1


def test_an_advance_client_with_an_open_part_gets_only_images() -> None:
    client, outlet = watching(advance=True)
    client.offer(part(1))
    client.repeat(text_part(2), 7.5)
    assert outlet.received == HEAD + part(1).opening
    assert (client.repeats, client.skipped) == (0, 0)


def test_a_client_that_is_being_ended_gets_no_repeat() -> None:
    client, outlet = watching()
    client.offer(part(1))
    client.finish(CloseReason.STOP)
    client.repeat(part(1), 7.5)
    assert outlet.received == HEAD + part(1).plain + b"--\r\n"
