"""Events on the wire: as bytes and back, and every byte from outside is survived."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, get_args

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    MalformedError,
    NewConnection,
    NoConnection,
    NodeEvent,
    Notice,
    Overload,
    Refusal,
    Snapshot,
    Status,
    StreamEvent,
    StreamState,
    Watcher,
    decode_notice,
    encode_notice,
    event_type,
    topic_of,
)
from protocol.notices import MAX_EVENT_BYTES

from .strategies import notices, objects, quick

NODE = "k3x9"
NEW = NewConnection("cam1", "k3x9-1", 1, "127.0.0.1", {"from": "5"}, Overload.LATEST, None)
CLOSED = ClosedConnection("cam1", "k3x9-1", 0, CloseReason.CLIENT, 1.5, 10, 2_000, 3, 4)
SNAPSHOT = Snapshot("cam1", 1, (Watcher("k3x9-1", {}, Overload.QUEUE, 16, 3),))
HEARTBEAT = Heartbeat(1.0, {"cam1": StreamState(1, Status.BLUE, 10, 0, 2_000)})
EVENTS: list[Event] = [
    NEW,
    CLOSED,
    NoConnection("cam1"),
    Credit("cam1", "k3x9-1", 5),
    SNAPSHOT,
    HEARTBEAT,
    Goodbye(),
]


def wire(event: Event) -> tuple[bytes, dict[str, Any]]:
    topic, body = encode_notice(Notice(NODE, 7, 1_700_000_000_000_000_000, event))
    return topic, msgpack.unpackb(body)


def refusal(topic: bytes, body: object) -> Refusal:
    with pytest.raises(MalformedError) as refused:
        decode_notice([topic, msgpack.packb(body)])
    return refused.value.reason


# Both ways.


def test_the_names_of_the_events_are_those_of_the_wire() -> None:
    assert [event_type(each) for each in EVENTS] == [
        "new_connection",
        "closed_connection",
        "no_connection",
        "credit",
        "snapshot",
        "heartbeat",
        "goodbye",
    ]


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_every_event_has_the_common_keys(event: Event) -> None:
    _, body = wire(event)
    assert body["type"] == event_type(event)
    assert body["node"] == NODE
    assert body["seq"] == 7
    assert body["time"] == 1_700_000_000_000_000_000


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_an_event_is_published_under_its_stream_or_its_node(event: Event) -> None:
    topic, _ = wire(event)
    assert topic == topic_of(NODE, event)
    assert isinstance(event, get_args(StreamEvent)) == (topic == b"event/cam1/")
    assert isinstance(event, get_args(NodeEvent)) == (topic == b"node/k3x9/")


@given(notices)
@quick
def test_a_notice_comes_out_as_it_went_in(notice: Notice) -> None:
    assert decode_notice(encode_notice(notice)) == notice


def test_any_kind_of_map_may_be_a_query() -> None:
    query = MappingProxyType({"from": "5"})
    event = NewConnection("cam1", "k3x9-1", 1, "", query, Overload.QUEUE, 16)
    assert wire(event)[1]["query"] == {"from": "5"}


def test_that_a_client_is_lost_is_never_on_the_wire() -> None:
    lost = ClosedConnection("cam1", "k3x9-1", 0, CloseReason.LOST, 1.5, 10, 2_000, 3, 4)
    with pytest.raises(MalformedError, match="lost"):
        encode_notice(Notice(NODE, 1, 0, lost))
    topic, body = wire(CLOSED)
    assert refusal(topic, {**body, "reason": "lost"}) is Refusal.BAD_TYPE


@pytest.mark.parametrize(
    ("key", "value"),
    [("node", "K3X9"), ("node", None), ("seq", -1), ("seq", True), ("time", 1.5), ("time", 2**64)],
)
def test_no_notice_can_be_made_with_a_wrong_value(key: str, value: object) -> None:
    right = {"node": NODE, "seq": 1, "time": 0, "event": Goodbye()}
    with pytest.raises(MalformedError):
        Notice(**{**right, key: value})  # type: ignore[arg-type]


# What the wire does not allow.


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_notice_has_two_frames(number: int) -> None:
    with pytest.raises(MalformedError) as refused:
        decode_notice([b"node/k3x9/"] * number)
    assert refused.value.reason is Refusal.FRAME_COUNT


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_unknown_keys_are_ignored(event: Event) -> None:
    topic, body = wire(event)
    unknown: dict[Any, Any] = {"mood": {"good": [None]}, 1: b""}
    more = msgpack.packb(unknown | body)
    assert decode_notice([topic, more]).event == event


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_no_key_may_be_missing(event: Event) -> None:
    topic, body = wire(event)
    for key in body:
        rest = {each: body[each] for each in body if each != key}
        assert refusal(topic, rest) is Refusal.BAD_TYPE


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_no_key_may_have_another_type(event: Event) -> None:
    topic, body = wire(event)
    for key in body:
        for wrong in (b"raw", [[1]], {1: 2}, True, -1):
            reason = refusal(topic, {**body, key: wrong})
            assert reason in {Refusal.BAD_TYPE, Refusal.BAD_TOPIC}


@pytest.mark.parametrize(
    ("event", "key", "wrong"),
    [
        (NEW, "overload", "newest"),
        (NEW, "overload", 1),
        (CLOSED, "reason", "bored"),
        (CLOSED, "reason", None),
        (SNAPSHOT, "clients", [{"client": "k3x9-1"}]),
        (SNAPSHOT, "clients", ["k3x9-1"]),
        (SNAPSHOT, "clients", {"k3x9-1": {}}),
        (HEARTBEAT, "streams", ["cam1"]),
        (HEARTBEAT, "streams", {"cam1": 1}),
        (HEARTBEAT, "streams", {"cam1": {"connections": 1}}),
        (HEARTBEAT, "streams", {"cam1": {**wire(HEARTBEAT)[1]["streams"]["cam1"], "status": "x"}}),
    ],
)
def test_what_is_no_word_of_the_wire_is_refused(event: Event, key: str, wrong: object) -> None:
    topic, body = wire(event)
    assert refusal(topic, {**body, key: wrong}) is Refusal.BAD_TYPE


@pytest.mark.parametrize("name", ["", "hello", "new_connections"])
def test_an_unknown_event_is_refused(name: str) -> None:
    assert refusal(b"node/k3x9/", {"type": name}) is Refusal.BAD_TYPE


def test_a_refusal_quotes_no_more_than_the_beginning() -> None:
    for topic, body in ((b"", {"type": "x" * 1_000_000}), (b"x" * 1_000_000, wire(Goodbye())[1])):
        with pytest.raises(MalformedError) as refused:
            decode_notice([topic, msgpack.packb(body)])
        assert len(str(refused.value)) < 500


@pytest.mark.parametrize("event", EVENTS, ids=event_type)
@pytest.mark.parametrize("topic", [b"", b"event/cam2/", b"node/abcd/", b"event/cam1", b"all/cam1/"])
def test_a_topic_that_is_not_the_events_is_refused(event: Event, topic: bytes) -> None:
    assert refusal(topic, wire(event)[1]) is Refusal.BAD_TOPIC


def test_a_body_may_be_as_large_as_is_allowed() -> None:
    with pytest.raises(MalformedError) as refused:
        decode_notice([b"node/k3x9/", bytes(MAX_EVENT_BYTES + 1)])
    assert refused.value.reason is Refusal.TOO_LARGE


# Hostile bytes.


@pytest.mark.parametrize("key", ["type", "node", "seq", "query", "clients", "streams", "overload"])
@pytest.mark.parametrize("event", EVENTS, ids=event_type)
def test_values_nested_as_deep_as_msgpack_goes_are_no_trouble(event: Event, key: str) -> None:
    topic, body = wire(event)
    body.pop(key, None)
    for depth in (1_000, 1_022, 5_000):
        packed = msgpack.packb({**body, key: None})
        decode_or_refuse([topic, packed[:-1] + b"\x91" * depth + b"\xc0"])


@given(st.lists(st.binary(max_size=60), max_size=4))
@quick
def test_any_frames_are_a_notice_or_malformed(parts: list[bytes]) -> None:
    decode_or_refuse(parts)


@given(st.binary(max_size=60))
@quick
def test_any_bytes_for_a_body_are_a_notice_or_malformed(body: bytes) -> None:
    decode_or_refuse([b"event/cam1/", body])


@given(objects)
@quick
def test_any_msgpack_for_a_body_is_a_notice_or_malformed(body: object) -> None:
    decode_or_refuse([b"event/cam1/", msgpack.packb(body)])


@given(st.sampled_from(EVENTS), st.data())
@quick
def test_any_msgpack_for_a_key_is_a_notice_or_malformed(event: Event, data: st.DataObject) -> None:
    topic, body = wire(event)
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(objects)
    decode_or_refuse([topic, msgpack.packb(body)])


@given(notices, st.data())
@quick
def test_a_notice_with_one_byte_changed_is_a_notice_or_malformed(
    notice: Notice, data: st.DataObject
) -> None:
    parts = encode_notice(notice)
    number = data.draw(st.sampled_from([0, 1]))
    changed = bytearray(parts[number])
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    parts[number] = bytes(changed)
    decode_or_refuse(parts)


def decode_or_refuse(parts: list[bytes]) -> None:
    """Whatever is taken can be sent on as it is; all else is refused in one short line."""
    line = ""
    try:
        notice = decode_notice(parts)
    except MalformedError as refused:
        line = str(refused)
    else:
        assert decode_notice(encode_notice(notice)) == notice
    assert len(line) < 300
    assert "\n" not in line
