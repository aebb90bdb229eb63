"""What the configuration says of a stream: its table, and which pattern matches."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from protocol import Overload
from streamer.configuration.settings import StreamSettings
from streamer.fanout.limits import Limits

from .given import from_file, refusal


def stream_refusal(**table: Any) -> str:
    return refusal(streams={"cam*": table})


def test_the_defaults_of_a_stream_are_those_of_the_documentation() -> None:
    settings = from_file().of_stream("cam1")
    assert settings == StreamSettings(
        overload=Overload.LATEST,
        client_buffer_bytes=262_144,
        queue_bytes=8_388_608,
        window=16,
        stall_timeout_s=30.0,
        repeat_after_s=1.0,
        content_type="image/jpeg",
        status_code=200,
        events=("new_connection", "closed_connection", "no_connection"),
        headers={},
        part_headers={},
    )
    assert settings.limits == Limits()


def test_a_stream_is_told_everything_by_its_table() -> None:
    settings = from_file(
        streams={
            "clip": {
                "overload": "queue",
                "client_buffer_bytes": 65_536,
                "queue_bytes": 100_000,
                "window": 3,
                "stall_timeout_s": 5,
                "repeat_after_s": 0,
                "content_type": "text/plain; charset=utf-8",
                "status_code": 206,
                "events": ["closed_connection"],
                "headers": {"X-Camera": "door"},
                "part_headers": {"X-Site": "gate 3"},
            }
        }
    ).of_stream("clip")
    assert settings == StreamSettings(
        Overload.QUEUE,
        65_536,
        100_000,
        3,
        5.0,
        0.0,
        "text/plain; charset=utf-8",
        206,
        ("closed_connection",),
        {"X-Camera": "door"},
        {"X-Site": "gate 3"},
    )
    assert settings.limits == Limits(Overload.QUEUE, 65_536, 100_000, 3)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("overload", "newest", '"latest" or "queue"'),
        ("overload", 1, '"latest" or "queue"'),
        ("client_buffer_bytes", 4095, "a whole number from 4096 to"),
        ("client_buffer_bytes", "256K", "a whole number from 4096 to"),
        ("queue_bytes", 2**31, "a whole number from 4096 to 2147483647"),
        ("window", 0, "a whole number from 1 to"),
        ("stall_timeout_s", 0, "a number of seconds from 0.1 to"),
        ("repeat_after_s", -1, "a number of seconds from 0 to"),
        ("content_type", "jpeg", "type/subtype"),
        ("content_type", "image/jpeg\r\nX: y", "type/subtype"),
        ("content_type", 5, "type/subtype"),
        ("status_code", 199, "a whole number from 200 to 599"),
        ("status_code", "200", "a whole number from 200 to 599"),
        ("status_code", 204, "a code whose response has a body"),
        ("status_code", 304, "a code whose response has a body"),
        ("events", "new_connection", "a list of new_connection, closed_connection, no_connection"),
        ("events", ["credit"], '"new_connection" or "closed_connection" or "no_connection"'),
        ("headers", {"Content-Type": "x"}, "any other"),
        ("headers", {"cache-control": "x"}, "any other"),
        ("headers", {"Connection": "x"}, "any other"),
        ("headers", {"Content-Length": "x"}, "any other"),
        ("headers", {"Transfer-Encoding": "chunked"}, "any other"),
        ("headers", {"X-Accel-Buffering": "yes"}, "any other"),
        ("headers", {"X Camera": "door"}, "allowed"),
        ("headers", "X-Camera: door", "a table of strings"),
        ("part_headers", {"content-length": "x"}, "any other"),
        ("part_headers", {"Content-Type": "x"}, "any other"),
        ("part_headers", {"X-Timestamp": "x"}, "any other"),
        ("part_headers", {"X-Site": "a\r\nb"}, "allowed"),
        ("part_headers", ["X-Site"], "a table of strings"),
    ],
)
def test_a_wrong_value_of_a_stream_is_named_with_its_table(
    key: str, value: object, allowed: str
) -> None:
    text = stream_refusal(**{key: value})
    assert text.startswith(f'streams."cam*".{key}')
    assert allowed in text


@pytest.mark.parametrize("key", [each.name for each in fields(StreamSettings)])
@pytest.mark.parametrize("value", [[[]], None, 1e99, {"a": 1}])
def test_no_key_of_a_stream_takes_a_value_of_any_type(key: str, value: object) -> None:
    assert stream_refusal(**{key: value}).startswith(f'streams."cam*".{key}')


def test_an_unknown_key_of_a_stream_is_named_with_all_that_are_allowed() -> None:
    text = stream_refusal(overlaod="latest")
    assert text.startswith('unknown key streams."cam*".overlaod: allowed are ')
    for key in fields(StreamSettings):
        assert key.name in text


def test_the_first_pattern_that_matches_wins() -> None:
    settings = from_file(
        streams={
            "cam1": {"window": 1},
            "cam?": {"window": 2},
            "cam[0-9][0-9]": {"window": 3},
            "cam*": {"window": 4},
        }
    )
    windows = {
        name: found.window
        for name in ("cam1", "cam2", "cam22", "cam222", "door")
        if (found := settings.of_stream(name)) is not None
    }
    assert windows == {"cam1": 1, "cam2": 2, "cam22": 3, "cam222": 4, "door": 16}


def test_the_pattern_for_all_comes_last_wherever_it_stands() -> None:
    settings = from_file(streams={"*": {"window": 1}, "cam*": {"window": 2}})
    found = [settings.of_stream(name) for name in ("cam1", "door")]
    assert [each.window for each in found if each] == [2, 1]


def test_patterns_tell_capital_letters_from_small_ones() -> None:
    settings = from_file(streams={"Cam*": {"window": 1}}, allow_streams=["Cam*", "cam1"])
    assert settings.of_stream("Cam1") == StreamSettings(window=1)
    assert settings.of_stream("cam1") == StreamSettings()
    assert settings.of_stream("CAM1") is None


def test_streams_outside_the_allow_list_have_no_settings() -> None:
    settings = from_file(allow_streams=["cam*", "door"], streams={"*": {"window": 2}})
    assert settings.of_stream("cam7") == settings.of_stream("door") == StreamSettings(window=2)
    assert settings.of_stream("garden") is None
    assert settings.of_stream("door2") is None


def test_streams_named_without_a_wildcard_are_known_from_the_start() -> None:
    settings = from_file(
        streams={"door": {}, "cam*": {}, "bell": {}, "*": {}},
        allow_streams=["cam*", "door", "yard", "cam1"],
    )
    assert settings.named_streams == ["door", "yard", "cam1"]


@pytest.mark.parametrize(("code", "reason"), [(200, "OK"), (206, "Partial Content")])
def test_a_status_code_has_its_phrase(code: int, reason: str) -> None:
    assert StreamSettings(status_code=code).reason == reason


def test_a_status_code_that_nobody_has_named_has_a_phrase_too() -> None:
    assert StreamSettings(status_code=299).reason
