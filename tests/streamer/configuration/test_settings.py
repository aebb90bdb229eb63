"""Everything a streamer can be told, and by whom."""

from __future__ import annotations

from dataclasses import fields

import pytest

from streamer.configuration.checks import SettingsError
from streamer.configuration.options import options
from streamer.configuration.settings import Settings, from_sources

from .given import from_file, refusal


def test_a_streamer_without_settings_listens_on_loopback() -> None:
    settings = from_file()
    assert settings.http == "127.0.0.1:8080"
    assert settings.bind_frames == "tcp://127.0.0.1:5555"
    assert settings.bind_events == "tcp://127.0.0.1:5556"
    assert settings.connect_frames == settings.connect_events == ()


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = from_file()
    assert (settings.max_frame_bytes, settings.heartbeat_interval_s) == (16_777_216, 1.0)
    assert (settings.workers, settings.subscribe, settings.allow_streams) == (1, "all", ("*",))
    assert (settings.cors_origin, settings.trust_proxy) == ("", False)
    assert (settings.drain_s, settings.spread_s, settings.log_level) == (0.0, 0.0, "info")


def test_whoever_connects_frames_or_events_binds_them_no_longer() -> None:
    settings = from_file(connect_frames=["tcp://relay:5557"])
    assert (settings.bind_frames, settings.connect_frames) == ("", ("tcp://relay:5557",))
    assert settings.bind_events == "tcp://127.0.0.1:5556"


def test_a_streamer_may_bind_and_connect_at_once() -> None:
    settings = from_file(bind_frames="tcp://*:7000", connect_frames=["tcp://a:1", "tcp://b:2"])
    assert settings.bind_frames == "tcp://*:7000"
    assert settings.connect_frames == ("tcp://a:1", "tcp://b:2")


def test_one_endpoint_needs_no_list() -> None:
    assert from_file(connect_events="tcp://relay:5558").connect_events == ("tcp://relay:5558",)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("http", "8080", "HOST:PORT"),
        ("http", 8080, "HOST:PORT"),
        ("bind_frames", "5555", "a ZeroMQ endpoint"),
        ("bind_events", 5556, "a ZeroMQ endpoint"),
        ("connect_frames", "relay:5557", "a ZeroMQ endpoint"),
        ("connect_frames", ["tcp://a:1", "relay"], "a ZeroMQ endpoint"),
        ("connect_events", 5558, "a list of ZeroMQ endpoints"),
        ("connect_events", [5558], "a list of ZeroMQ endpoints"),
        ("workers", 0, '"auto"'),
        ("workers", 257, "a whole number from 1 to 256"),
        ("workers", "many", '"auto"'),
        ("workers", 1.5, '"auto"'),
        ("allow_streams", "cam*", "a list of patterns"),
        ("allow_streams", [1], "a list of patterns"),
        ("subscribe", "some", '"all" or "watched"'),
        ("max_frame_bytes", 0, "a whole number from 1 to"),
        ("max_frame_bytes", "16M", "a whole number from 1 to"),
        ("max_header_bytes", 63, "a whole number from 64 to"),
        ("max_clients", 0, "a whole number from 1 to"),
        ("max_clients", True, "a whole number from 1 to"),
        ("max_streams", -1, "a whole number from 1 to"),
        ("frames_hwm", 0, "a whole number from 1 to"),
        ("heartbeat_interval_s", 0, "a number of seconds from 0.05 to 3600"),
        ("heartbeat_interval_s", "1", "a number of seconds from 0.05 to 3600"),
        ("drain_s", -1, "a number of seconds from 0 to 86400"),
        ("spread_s", 3601, "a number of seconds from 0 to 3600"),
        ("trust_proxy", "yes", "true or false"),
        ("trust_proxy", 1, "true or false"),
        ("cors_origin", "*\r\nX: y", "a text of one line"),
        ("cors_origin", True, "a text of one line"),
        ("tls_cert", 5, "a text of one line"),
        ("tls_key", ["a"], "a text of one line"),
        ("log_level", "loud", '"debug" or "info" or "warning" or "error"'),
        ("streams", "cam*", 'tables, as [streams."cam*"]'),
        ("streams", {"cam*": 5}, "a table"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key: str, value: object, allowed: str) -> None:
    text = refusal(**{key: value})
    assert key in text
    assert allowed in text


@pytest.mark.parametrize("key", [each.name for each in options(Settings)])
@pytest.mark.parametrize("value", [{"a": 1}, [[]], None, 1e99])
def test_no_key_takes_a_value_of_any_type(key: str, value: object) -> None:
    assert key.partition("_")[0] in refusal(**{key: value})


@pytest.mark.parametrize("given", [{"tls_cert": "a.pem"}, {"tls_key": "a.pem"}])
def test_a_certificate_needs_its_key_and_a_key_its_certificate(given: dict[str, str]) -> None:
    assert refusal(**given) == "tls_cert and tls_key: allowed are both or neither"


def test_a_certificate_and_its_key_are_taken() -> None:
    settings = from_file(tls_cert="a.pem", tls_key="b.pem")
    assert (settings.tls_cert, settings.tls_key) == ("a.pem", "b.pem")


def test_there_may_be_as_many_streams_as_are_named() -> None:
    streams: dict[str, dict[str, object]] = {"door": {}, "cam*": {}}
    assert from_file(max_streams=2, allow_streams=["door", "yard"], streams=streams)
    text = refusal(max_streams=1, allow_streams=["door", "yard"], streams=streams)
    assert text.startswith("max_streams = 1: allowed is ")


def test_an_unknown_key_is_named_with_all_that_are_allowed() -> None:
    text = refusal(https="127.0.0.1:8080")
    assert text.startswith("unknown key https: allowed are ")
    for key in fields(Settings):
        assert key.name in text


def test_workers_may_be_a_number_or_auto_in_every_source() -> None:
    assert from_file(workers=4).workers == 4
    assert from_file(workers="auto").workers == "auto"
    assert from_sources({"workers": "4"}, {}, {}).workers == 4
    assert from_sources({"workers": "auto"}, {}, {}).workers == "auto"
    with pytest.raises(SettingsError, match="PARTCAST_WORKERS"):
        from_sources({}, {"PARTCAST_WORKERS": "many"}, {})


def test_an_option_goes_over_the_environment_over_the_file_over_the_default() -> None:
    given, environment, file = {"http": "h:1"}, {"PARTCAST_HTTP": "h:2"}, {"http": "h:3"}
    assert from_sources(given, environment, file).http == "h:1"
    assert from_sources({}, environment, file).http == "h:2"
    assert from_sources({}, {}, file).http == "h:3"


@pytest.mark.parametrize("patterns", [[], ["a b"], ["cam/*"], [""]])
def test_a_pattern_that_can_match_no_stream_is_refused(patterns: list[str]) -> None:
    assert refusal(allow_streams=patterns).startswith("allow_streams = ")
    for pattern in patterns:
        assert refusal(streams={pattern: {}}).startswith("streams = ")
