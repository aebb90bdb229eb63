"""Frames and stops: what they may hold, and that every byte from outside is survived."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    AllClients,
    Frame,
    MalformedError,
    Message,
    OneClient,
    Refusal,
    Stop,
    decode,
    encode,
)

from .strategies import messages, objects, quick

ALL = AllClients("cam1")
KEYS = ["type", "content_type", "headers", "time", "seq", "producer", "retained"]


def received(body: bytes = b"", **header: Any) -> Message:
    return decode([ALL.topic, msgpack.packb(header), body])


def refusal(**header: Any) -> Refusal:
    with pytest.raises(MalformedError) as refused:
        received(**header)
    return refused.value.reason


# Values.


@pytest.mark.parametrize("address", [ALL, OneClient("k3x9-1")])
def test_a_plain_frame_is_a_topic_nothing_and_the_body(address: AllClients | OneClient) -> None:
    parts = [address.topic, b"", b"\xff\xd8"]
    assert encode(Frame(address, b"\xff\xd8")) == parts
    assert decode(parts) == Frame(address, b"\xff\xd8", None, {}, None, None, None)


def test_a_header_without_keys_means_the_same_as_none() -> None:
    assert received(b"x") == Frame(ALL, b"x")


def test_a_frame_may_say_that_it_is_one() -> None:
    assert received(b"x", type="frame", seq=0) == Frame(ALL, b"x", seq=0)


def test_a_frame_may_be_one_that_is_sent_once_more() -> None:
    assert received(b"x", seq=3, producer="p", retained=True) == Frame(
        ALL, b"x", seq=3, producer="p", retained=True
    )
    assert received(b"x", retained=False) == Frame(ALL, b"x")


def test_a_stop_has_a_number_or_none() -> None:
    assert received(type="stop") == Stop(ALL, None, None)
    assert received(type="stop", seq=7, producer="p") == Stop(ALL, 7, "p")


def test_a_stop_is_sent_with_an_empty_body_and_one_that_comes_is_ignored() -> None:
    assert encode(Stop(ALL))[2] == b""
    assert received(b"x", type="stop") == Stop(ALL)


@pytest.mark.parametrize("body", ["text", None, 5, bytearray(b"x"), memoryview(b"x")])
def test_a_body_is_bytes(body: Any) -> None:
    with pytest.raises(MalformedError, match="body") as refused:
        Frame(ALL, body)
    assert refused.value.reason is Refusal.BAD_TYPE


@pytest.mark.parametrize("key", ["time", "seq"])
@pytest.mark.parametrize("value", [-1, 2**64, 1.0, "1", True, [1]])
def test_a_frame_cannot_be_made_with_a_number_that_is_no_uint(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        Frame(ALL, b"", **{key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_a_frame_is_sent_once_more_or_not(value: Any) -> None:
    with pytest.raises(ValueError, match="retained"):
        Frame(ALL, b"", retained=value)


def test_a_stop_cannot_be_made_with_what_is_no_number_or_no_text() -> None:
    with pytest.raises(ValueError, match="seq"):
        Stop(ALL, -1)
    with pytest.raises(ValueError, match="producer"):
        Stop(ALL, 1, b"p")  # type: ignore[arg-type]


def test_a_producer_that_utf_8_cannot_spell_is_refused_before_it_is_sent() -> None:
    with pytest.raises(MalformedError, match="producer"):
        Frame(ALL, b"", producer="\ud800")


@given(messages)
@quick
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert decode(encode(message)) == message


# What the wire does not allow.


@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_a_message_has_three_frames(number: int) -> None:
    with pytest.raises(MalformedError) as refused:
        decode([ALL.topic] * number)
    assert refused.value.reason is Refusal.FRAME_COUNT


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", ["frame", "stop"])
@pytest.mark.parametrize("value", [None, True, -1, 1.5, b"image/jpeg", [], [[]], {1: 2}])
def test_a_key_of_a_wrong_type_is_refused_in_a_stop_too(key: str, kind: str, value: object) -> None:
    wrong = "true" if (key, value) == ("retained", True) else value
    assert refusal(**{"type": kind, key: wrong}) is Refusal.BAD_TYPE


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "hint"),
        ("type", 1),
        ("content_type", 1),
        ("headers", "X-Site: gate"),
        ("headers", {"X-Site": 3}),
        ("headers", {"X-Site": None}),
        ("headers", {3: "X-Site"}),
        ("time", "1700000000"),
        ("seq", 0.0),
        ("producer", 5),
    ],
)
def test_a_key_has_its_type(key: str, value: object) -> None:
    assert refusal(**{key: value}) is Refusal.BAD_TYPE


@pytest.mark.parametrize(
    "header",
    [
        {"content_type": ""},
        {"content_type": "jpeg"},
        {"content_type": "image/jpeg\r\nX: y"},
        {"headers": {"": "a"}},
        {"headers": {"X Site": "a"}},
        {"headers": {"X-Site": "a\r\nX: y"}},
        {"headers": {"X-Site": "€"}},
    ],
)
def test_what_is_no_http_header_is_refused(header: dict[str, Any]) -> None:
    assert refusal(**header) is Refusal.BAD_HEADER


@pytest.mark.parametrize(
    "header", [{"x": None}, {"x": {"y": [1.5]}}, {1: 2}, {b"seq": -1}, {"Seq": -1}, {None: 0}]
)
def test_unknown_keys_are_ignored(header: dict[Any, Any]) -> None:
    packed = msgpack.packb({**header, "seq": 5})
    assert decode([ALL.topic, packed, b"x"]) == Frame(ALL, b"x", seq=5)


def test_what_the_streamer_writes_itself_may_stand_among_the_headers() -> None:
    headers = {"Content-Length": "1", "content-type": "a/b"}
    assert received(headers=headers) == Frame(ALL, b"", headers=headers)


def test_a_body_may_be_as_large_as_is_allowed() -> None:
    assert decode([ALL.topic, b"", b"12345"], max_frame_bytes=5) == Frame(ALL, b"12345")
    with pytest.raises(MalformedError, match="5 are allowed") as refused:
        decode([ALL.topic, b"", b"123456"], max_frame_bytes=5)
    assert refused.value.reason is Refusal.TOO_LARGE


def test_a_header_may_be_as_large_as_is_allowed() -> None:
    packed = msgpack.packb({"x": "y" * 10})
    assert decode([ALL.topic, packed, b""], max_header_bytes=len(packed)) == Frame(ALL, b"")
    with pytest.raises(MalformedError, match="header") as refused:
        decode([ALL.topic, packed, b""], max_header_bytes=len(packed) - 1)
    assert refused.value.reason is Refusal.TOO_LARGE


def test_the_limits_are_16_mib_and_16_kib_unless_told_otherwise() -> None:
    assert decode([ALL.topic, b"", bytes(MAX_FRAME_BYTES)]).address == ALL
    for parts in (
        [ALL.topic, b"", bytes(16 * 1024 * 1024 + 1)],
        [ALL.topic, bytes(MAX_HEADER_BYTES + 1), b""],
    ):
        with pytest.raises(MalformedError) as refused:
            decode(parts)
        assert refused.value.reason is Refusal.TOO_LARGE


# Hostile bytes.


@pytest.mark.parametrize("key", [*KEYS, "x"])
def test_values_nested_as_deep_as_msgpack_goes_are_no_trouble(key: str) -> None:
    for depth in (1_000, 1_022, 1_023, 5_000):
        for nest in (b"\x91", b"\x81\xa1x"):
            packed = b"\x81" + msgpack.packb(key) + nest * depth + b"\xc0"
            decode_or_refuse([ALL.topic, packed, b""])


def test_a_header_that_claims_more_than_it_holds_costs_little_memory() -> None:
    claims = b"\x81\xa1x" + b"\xdd\x00\x00\x3a\x98" * 1_000  # 15,000 items, a thousand deep
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError) as refused:
            decode([ALL.topic, claims + bytes(11_000), b""])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert refused.value.reason is Refusal.BAD_MSGPACK


@given(st.lists(st.binary(max_size=40), max_size=5))
@quick
def test_any_frames_are_a_message_or_malformed(parts: list[bytes]) -> None:
    decode_or_refuse(parts)


@given(st.binary(max_size=40))
@quick
def test_any_bytes_for_a_header_are_a_message_or_malformed(header: bytes) -> None:
    decode_or_refuse([ALL.topic, header, b""])


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), objects, max_size=4) | objects)
@quick
def test_any_msgpack_for_a_header_is_a_message_or_malformed(header: object) -> None:
    decode_or_refuse([ALL.topic, msgpack.packb(header), b""])


@given(messages, st.data())
@quick
def test_a_message_with_one_byte_changed_is_a_message_or_malformed(
    message: Message, data: st.DataObject
) -> None:
    parts = encode(message)
    number = data.draw(st.sampled_from([at for at in range(3) if parts[at]]))
    changed = bytearray(parts[number])
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    parts[number] = bytes(changed)
    decode_or_refuse(parts)


def decode_or_refuse(parts: list[bytes]) -> None:
    """Whatever is taken can be sent on as it is; all else is refused in one short line."""
    line = ""
    try:
        message = decode(parts)
    except MalformedError as refused:
        line = str(refused)
    else:
        assert decode(encode(message)) == message
    assert len(line) < 300
    assert "\n" not in line
