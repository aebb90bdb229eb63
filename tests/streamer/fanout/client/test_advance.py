"""Browsers get the header block of the next part in advance, and so paint a frame at once."""

from __future__ import annotations

import pytest

from protocol import CloseReason, Overload
from streamer.fanout.part import Batch
from tests.streamer.frames import DELIMITER, HEAD, jpeg, no_part, part, text_part

from .watching import MIN_BUFFER, body, offer_all, watching

OPEN = b"\r\nContent-Type: image/jpeg\r\n\r\n"


def test_behind_the_first_frame_the_headers_of_the_next_follow_at_once() -> None:
    client, outlet = watching(advance=True)
    client.offer(part(1, time=1_000_000_000))
    assert outlet.received == HEAD + part(1, time=1_000_000_000).plain + OPEN


def test_each_further_frame_fills_the_open_part_and_opens_the_next() -> None:
    client, outlet = watching(advance=True)
    offer_all(client, [part(1), part(2, time=5), part(3)])
    assert outlet.received == HEAD + part(1).opening + (
        jpeg(2) + DELIMITER + OPEN + jpeg(3) + DELIMITER + OPEN
    )


def test_a_frame_that_is_no_image_is_skipped_and_counted() -> None:
    client, outlet = watching(advance=True)
    offer_all(client, [part(1), text_part(2), part(3)])
    assert body(outlet).numbers == [1, 3]
    assert (client.parts, client.skipped) == (2, 1)


def test_before_the_first_image_other_frames_are_sent_as_they_are() -> None:
    client, outlet = watching(advance=True)
    offer_all(client, [text_part(1), text_part(2), part(3), text_part(4)])
    assert outlet.received == HEAD + text_part(1).plain + text_part(2).plain + part(3).opening
    assert (client.parts, client.skipped) == (3, 1)


@pytest.mark.parametrize("capacity", [len(HEAD), len(HEAD) + 70])
def test_a_frame_that_is_no_image_is_skipped_when_its_turn_comes(capacity: int) -> None:
    client, outlet = watching(capacity, advance=True)
    offer_all(client, [part(1), text_part(2), text_part(3), part(4)])
    outlet.drain(client)
    assert body(outlet).numbers == [1, 4]
    assert (client.parts, client.skipped) == (2, 2)


@pytest.mark.parametrize("seq", [None, 10, 11])
def test_words_do_not_take_the_place_of_an_image_that_waits(seq: int | None) -> None:
    client, outlet = watching(150, advance=True, client_buffer_bytes=MIN_BUFFER)
    offer_all(client, [part(number, 3_000, seq=number) for number in range(1, 11)])
    client.offer(text_part(11))
    if seq is not None:
        client.finish(CloseReason.STOP, lambda each: (each.seq or 0) > seq)
    outlet.drain(client)
    assert 10 in body(outlet).numbers
    assert client.parts + client.skipped == 11


def test_a_skipped_frame_is_credited_or_its_producer_would_wait_for_ever() -> None:
    credited: list[int] = []
    client, _ = watching(
        advance=True,
        on_credit=credited.append,
        overload=Overload.QUEUE,
    )
    words = text_part(2)
    words.targeted = True
    offer_all(client, [part(1), words])
    assert credited == [2]
    assert client.parts == 1


def test_the_first_batch_opens_and_later_ones_fill() -> None:
    client, outlet = watching(advance=True)
    client.offer(Batch([part(1), part(2)]))
    outlet.calls.clear()
    client.offer(Batch([part(3), part(4)]))
    assert outlet.calls["write"] == 1
    assert outlet.received == HEAD + part(1).opening + b"".join(
        part(number).filling for number in (2, 3, 4)
    )
    assert client.parts == 4


def test_of_a_batch_the_frames_that_are_no_images_are_skipped() -> None:
    client, outlet = watching(advance=True)
    client.offer(part(1))
    client.offer(Batch([part(2), text_part(3), part(4)]))
    assert body(outlet).numbers == [1, 2, 4]
    assert (client.parts, client.skipped) == (3, 1)


def test_at_the_end_the_open_part_is_filled_with_the_last_frame_which_is_not_counted() -> None:
    client, outlet = watching(advance=True)
    offer_all(client, [part(1), part(2)])
    client.finish(CloseReason.STOP)
    assert outlet.received == (
        HEAD + part(1).opening + part(2).filling + jpeg(2) + DELIMITER + b"--\r\n"
    )
    assert (client.parts, client.skipped, client.repeats, client.payload_bytes) == (2, 0, 0, 20)
    assert outlet.ended


def test_a_batch_leaves_its_last_frame_to_fill_the_end() -> None:
    client, outlet = watching(advance=True)
    client.offer(part(1))
    client.offer(Batch([part(2), part(3)]))
    client.finish(CloseReason.STOP)
    assert body(outlet).numbers == [1, 2, 3, 3]
    assert body(outlet).closed


def test_without_an_open_part_nothing_is_filled() -> None:
    client, outlet = watching(advance=True)
    client.offer(text_part(1))
    client.finish(CloseReason.STOP)
    assert outlet.received == HEAD + text_part(1).plain + b"--\r\n"


def test_a_stream_that_had_no_frame_ends_with_its_first_delimiter() -> None:
    client, outlet = watching(advance=True)
    client.finish(CloseReason.STOP, no_part)
    assert outlet.received == HEAD + b"--\r\n"


def test_a_repeat_fills_the_open_part_too() -> None:
    client, outlet = watching(advance=True)
    client.offer(part(1))
    client.repeat(part(1), 5.0)
    assert outlet.received == HEAD + part(1).opening + part(1).filling
    assert (client.parts, client.repeats) == (1, 1)
