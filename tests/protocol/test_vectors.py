"""The test vectors hold, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, get_args

import pytest

from protocol import (
    Address,
    AllClients,
    CloseReason,
    Event,
    MalformedError,
    Message,
    Notice,
    OneClient,
    Refusal,
    Stop,
    check_client_id,
    check_node_id,
    check_stream_name,
    decode,
    decode_notice,
    encode,
    encode_notice,
    event_topic,
    event_type,
    node_topic,
    parse_topic,
)

Vector = dict[str, Any]
VECTORS: dict[str, Any] = json.loads(
    resources.files("protocol").joinpath("vectors.json").read_text(encoding="utf-8")
)
CHECKS: dict[str, Callable[[str], str]] = {
    "stream": check_stream_name,
    "node": check_node_id,
    "client": check_client_id,
}
# What the state of a streamer refuses, and no decoder.
OF_A_STREAMER = {Refusal.BAD_IMAGE, Refusal.TOO_MANY_STREAMS, Refusal.NOT_ALLOWED}


def each(section: str) -> pytest.MarkDecorator:
    vectors = [pytest.param(vector, id=vector["name"]) for vector in VECTORS[section]]
    return pytest.mark.parametrize("vector", vectors)


def frames_of(vector: Vector) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in vector["frames"]]


def limits_of(vector: Vector) -> dict[str, int]:
    return {key: value for key, value in vector.items() if key.startswith("max_")}


def meaning(value: Any, keys: Mapping[str, Any]) -> Vector:
    """Returns a value as the vectors spell it."""
    return {key: spelled(getattr(value, key)) for key in keys}


def spelled(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return str(value)
        case bytes():
            return value.hex()
        case AllClients(stream):
            return {"all": stream}
        case OneClient(client):
            return {"one": client}
        case dict():
            return {key: spelled(item) for key, item in value.items()}
        case tuple():
            return [spelled(item) for item in value]
        case _ if hasattr(type(value), "__dataclass_fields__"):
            return meaning(value, type(value).__dataclass_fields__)
    return value


def meaning_of_message(message: Message) -> Vector:
    kind = "stop" if isinstance(message, Stop) else "frame"
    return {"type": kind, **spelled(message)}


def meaning_of_notice(notice: Notice) -> Vector:
    common = meaning(notice, {"node": 0, "seq": 0, "time": 0})
    keys = spelled(notice.event)
    for key in ("interval", "duration"):  # seconds are numbers, whole ones too
        if key in keys:
            keys[key] = getattr(notice.event, key)
    return {"type": event_type(notice.event), **common, **keys}


# Names.


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in CHECKS for name in VECTORS["names"][kind]["valid"]]
)
def test_a_valid_name_is_taken(kind: str, name: str) -> None:
    assert CHECKS[kind](name) == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in CHECKS for name in VECTORS["names"][kind]["invalid"]],
)
def test_an_invalid_name_is_refused(kind: str, name: str) -> None:
    with pytest.raises(MalformedError):
        CHECKS[kind](name)


def test_topics_are_made_of_names() -> None:
    to_all, to_one, of_stream, of_node = VECTORS["topics"]
    addresses: list[tuple[Vector, Address]] = [
        (to_all, AllClients(to_all["stream"])),
        (to_one, OneClient(to_one["client"])),
    ]
    for vector, address in addresses:
        assert address.topic == vector["topic"].encode()
        assert parse_topic(address.topic) == address
    assert event_topic(of_stream["stream"]) == of_stream["topic"].encode()
    assert node_topic(of_node["node"]) == of_node["topic"].encode()


@pytest.mark.parametrize("vector", VECTORS["subscriptions"])
def test_a_subscription_covers_what_begins_with_it(vector: Vector) -> None:
    assert all(topic.startswith(vector["subscription"]) for topic in vector["covers"])
    assert not any(topic.startswith(vector["subscription"]) for topic in vector["misses"])


# Messages.


@each("messages")
def test_a_message_means_what_its_vector_says(vector: Vector) -> None:
    assert meaning_of_message(decode(frames_of(vector))) == vector["message"]


@each("messages")
def test_a_message_is_encoded_as_its_vector_says(vector: Vector) -> None:
    frames = encode(decode(frames_of(vector)))
    assert (frames == frames_of(vector)) == vector["encode"]


@each("refused_messages")
def test_a_malformed_message_is_refused_for_the_reason_given(vector: Vector) -> None:
    with pytest.raises(MalformedError) as refused:
        decode(frames_of(vector), **limits_of(vector))
    assert refused.value.reason == vector["reason"]


@each("refused_pictures")
def test_a_picture_that_is_none_is_no_matter_of_the_wire(vector: Vector) -> None:
    decode(frames_of(vector))
    assert Refusal(vector["reason"]) in OF_A_STREAMER


# Notices.


@each("notices")
def test_a_notice_means_what_its_vector_says(vector: Vector) -> None:
    assert meaning_of_notice(decode_notice(frames_of(vector))) == vector["notice"]


@each("notices")
def test_a_notice_is_encoded_as_its_vector_says(vector: Vector) -> None:
    frames = encode_notice(decode_notice(frames_of(vector)))
    assert (frames == frames_of(vector)) == vector["encode"]


@each("refused_notices")
def test_a_malformed_notice_is_refused_for_the_reason_given(vector: Vector) -> None:
    with pytest.raises(MalformedError) as refused:
        decode_notice(frames_of(vector))
    assert refused.value.reason == vector["reason"]


# All of it.


def test_every_event_and_every_reason_to_close_has_a_vector() -> None:
    notices = [vector["notice"] for vector in VECTORS["notices"] if vector["encode"]]
    kinds = {event_type(decode_notice(frames_of(each)).event) for each in VECTORS["notices"]}
    assert {each["type"] for each in notices} == kinds
    assert len(kinds) == len(get_args(Event))
    reasons = {each["reason"] for each in notices if "reason" in each}
    assert reasons | {CloseReason.LOST} == set(CloseReason)


def test_every_refusal_of_a_decoder_has_a_vector() -> None:
    reasons = {vector["reason"] for vector in VECTORS["refused_messages"]}
    assert reasons == set(Refusal) - OF_A_STREAMER


@pytest.mark.parametrize(
    "section", ["messages", "refused_messages", "refused_pictures", "notices", "refused_notices"]
)
def test_every_vector_has_a_name_and_bytes_of_its_own(section: str) -> None:
    vectors = VECTORS[section]
    assert len({vector["name"] for vector in vectors}) == len(vectors)
    assert len({json.dumps([vector["frames"], limits_of(vector)]) for vector in vectors}) == len(
        vectors
    )
