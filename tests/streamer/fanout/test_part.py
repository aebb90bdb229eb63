"""The bytes of a part, in every form that clients are sent."""

from __future__ import annotations

import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import AllClients, Frame, MalformedError, Refusal
from streamer.fanout.part import CLOSING, Batch, new_token
from tests.streamer.frames import (
    DELIMITER,
    TOKEN,
    encoder,
    frame,
    jpeg,
    part,
    text_frame,
    text_part,
)
from tests.streamer.multipart import read_body

FIRST = b"--" + TOKEN.encode()


def test_a_boundary_needs_no_quotes_and_is_new_each_time() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{20,70}", each) for each in tokens)


def test_a_part_is_line_end_headers_payload_and_the_next_delimiter() -> None:
    made = encoder(part_headers={"X-Site": "gate 3"}).encode(
        frame(7, time=1_700_000_000_123_456_789, headers={"X-Take": "5"})
    )
    assert made.plain == (
        b"\r\nContent-Type: image/jpeg\r\nContent-Length: 10\r\n"
        b"X-Timestamp: 1700000000.123456\r\nX-Site: gate 3\r\nX-Take: 5\r\n\r\n"
        b"\xff\xd800000007\r\n--" + TOKEN.encode()
    )


def test_a_plain_frame_has_type_and_length_and_no_more() -> None:
    assert part(1).plain == (
        b"\r\nContent-Type: image/jpeg\r\nContent-Length: 10\r\n\r\n" + jpeg(1) + DELIMITER
    )


@pytest.mark.parametrize(
    ("time_ns", "spelled"),
    [
        (0, "0.000000"),
        (1, "0.000000"),
        (1_999, "0.000001"),
        (1_000_000_000, "1.000000"),
        (1_700_000_000_000_042_000, "1700000000.000042"),
        (2**64 - 1, "18446744073.709551"),
    ],
)
def test_the_capture_time_is_spelled_in_seconds_and_six_digits(time_ns: int, spelled: str) -> None:
    made = part(1, time=time_ns)
    assert made.timestamp == spelled
    assert f"\r\nX-Timestamp: {spelled}\r\n".encode() in made.plain


def test_a_frame_without_a_time_has_no_timestamp() -> None:
    assert part(1).timestamp == ""
    assert b"X-Timestamp" not in part(1).plain


def test_a_frame_names_its_own_type() -> None:
    made = encoder("image/jpeg").encode(text_frame(1))
    assert made.content_type == "text/plain"
    assert made.plain.startswith(b"\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n")


def test_a_frame_that_names_no_type_has_the_configured_one() -> None:
    made = encoder("application/json").encode(Frame(AllClients("cam1"), b"{}"))
    assert made.plain.startswith(b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n")


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "CONTENT-TYPE"])
def test_length_and_type_among_the_headers_of_a_frame_are_ignored(name: str) -> None:
    made = part(1, headers={name: "999", "X-Take": "5"})
    (read,) = read_body(FIRST + made.plain).parts
    assert read.headers == {"Content-Type": "image/jpeg", "Content-Length": "10", "X-Take": "5"}


def test_the_time_goes_before_a_timestamp_among_the_headers() -> None:
    made = part(1, time=1_000_000_000, headers={"x-timestamp": "9.000000"})
    assert made.plain.lower().count(b"x-timestamp") == 1
    assert b"X-Timestamp: 1.000000\r\n" in made.plain


def test_a_frame_without_a_time_may_bring_a_timestamp_of_its_own() -> None:
    assert b"\r\nX-Timestamp: 9.5\r\n" in part(1, headers={"X-Timestamp": "9.5"}).plain


def test_a_frames_header_replaces_the_configured_one_whatever_its_case() -> None:
    made = encoder(part_headers={"X-Site": "gate", "X-Kept": "yes"}).encode(
        frame(1, headers={"x-site": "roof"})
    )
    (read,) = read_body(FIRST + made.plain).parts
    assert read.headers["x-site"] == "roof"
    assert read.headers["X-Kept"] == "yes"
    assert "X-Site" not in read.headers


def test_header_values_travel_as_latin_1() -> None:
    assert b"\r\nX-Site: T\xfcr\r\n" in part(1, headers={"X-Site": "Tür"}).plain


def test_the_first_part_of_an_advance_client_brings_the_headers_of_the_second() -> None:
    made = encoder(part_headers={"X-Site": "gate"}).encode(
        frame(1, time=5_000_000_000, headers={"X-Take": "5"})
    )
    assert made.opening == (
        b"\r\nContent-Type: image/jpeg\r\nContent-Length: 10\r\nX-Timestamp: 5.000000\r\n"
        b"X-Site: gate\r\nX-Take: 5\r\n\r\n"
        + jpeg(1)
        + DELIMITER
        + b"\r\nContent-Type: image/jpeg\r\nX-Site: gate\r\n\r\n"
    )


def test_a_part_fills_the_open_one_and_opens_the_next() -> None:
    made = encoder().encode(Frame(AllClients("cam1"), b"PNG", "image/png", time=1))
    assert made.filling == b"PNG" + DELIMITER + b"\r\nContent-Type: image/png\r\n\r\n"


def test_the_last_filling_opens_no_further_part() -> None:
    assert part(1).last_filling == jpeg(1) + DELIMITER


@pytest.mark.parametrize("form", ["plain", "opening", "filling", "last_filling"])
def test_a_form_is_made_once_and_shared_by_all_clients(form: str) -> None:
    made = part(1)
    assert getattr(made, form) is getattr(made, form)


def test_there_are_no_other_forms() -> None:
    with pytest.raises(AttributeError):
        _ = part(1).chunked
    with pytest.raises(AttributeError):
        _ = Batch([part(1), part(2)]).opening


@pytest.mark.parametrize("size", [0, 10, 5000])
def test_the_size_of_a_part_is_that_of_its_plain_form(size: int) -> None:
    made = part(1, size, time=1, headers={"X-Take": "5"})
    assert made.size == len(made.plain)
    assert made.payload_bytes == len(made.payload) == max(10, size)


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "IMAGE/JPEG", "image/jpeg; quality=5", "Image/Jpeg ;x=y"]
)
@pytest.mark.parametrize("body", [b"", b"\xff", b"\xd8\xff", b"GIF89a", b"\x00\xff\xd8"])
def test_a_jpeg_that_does_not_begin_as_one_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        encoder().encode(Frame(AllClients("cam1"), body, content_type))
    assert caught.value.reason is Refusal.BAD_IMAGE
    assert "FF D8" in str(caught.value)


def test_a_jpeg_is_known_by_the_configured_type_too() -> None:
    with pytest.raises(MalformedError):
        encoder("image/jpeg").encode(Frame(AllClients("cam1"), b"words"))


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("body", [b"", b"any bytes"])
def test_of_other_types_any_bytes_are_taken(content_type: str, body: bytes) -> None:
    assert encoder().encode(Frame(AllClients("cam1"), body, content_type)).payload == body


@pytest.mark.parametrize(
    ("content_type", "is_image"),
    [("image/png", True), ("Image/WebP; a=b", True), ("text/plain", False), ("x/image", False)],
)
def test_images_are_what_browsers_may_be_shown(content_type: str, is_image: bool) -> None:
    assert encoder().encode(Frame(AllClients("cam1"), b"x", content_type)).is_image is is_image


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_a_mime_parser_finds_the_same_parts(bodies: list[bytes]) -> None:
    parts = [encoder("a/b").encode(Frame(AllClients("cam1"), each)) for each in bodies]
    wire = FIRST + b"".join(each.plain for each in parts) + CLOSING
    head = f"Content-Type: multipart/x-mixed-replace; boundary={TOKEN}\r\n\r\n".encode()
    message = email.message_from_bytes(head + wire, policy=email.policy.HTTP)
    found = [each for each in message.walk() if not each.is_multipart()] if bodies else []
    assert [each.get_payload(decode=True) for each in found] == bodies
    read = read_body(wire)
    assert read.closed
    assert [each.body for each in read.parts] == bodies


def test_a_batch_is_its_parts_in_a_row() -> None:
    parts = [part(number, size=number * 100) for number in range(1, 4)]
    batch = Batch(parts)
    assert batch.plain == b"".join(each.plain for each in parts)
    assert batch.filling == b"".join(each.filling for each in parts)
    assert batch.payload_bytes == sum(each.payload_bytes for each in parts)
    assert batch.plain is batch.plain


def test_a_batch_with_a_part_that_is_no_image_cannot_fill() -> None:
    batch = Batch([part(1), text_part(2)])
    assert batch.filling == b""
    assert read_body(FIRST + batch.plain).numbers == [1, 2]
