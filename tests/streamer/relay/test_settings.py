"""Everything a relay can be told."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.configuration.checks import SettingsError
from streamer.relay.settings import RelaySettings, from_sources


def test_a_relay_without_settings_listens_on_the_four_known_ports_of_loopback() -> None:
    settings = from_sources({}, {}, {})
    assert settings == RelaySettings()
    assert settings.producer_frames == "tcp://127.0.0.1:5555"
    assert settings.producer_events == "tcp://127.0.0.1:5556"
    assert settings.streamer_frames == "tcp://127.0.0.1:5557"
    assert settings.streamer_events == "tcp://127.0.0.1:5558"
    assert (settings.upstream_frames, settings.upstream_events, settings.http) == ((), (), "")


@pytest.mark.parametrize(
    ("bind", "endpoint"),
    [
        ("*", "tcp://*:5555"),
        ("0.0.0.0", "tcp://0.0.0.0:5555"),
        ("[::1]", "tcp://[::1]:5555"),
        ("::1", "tcp://[::1]:5555"),
        ("[fe80::1:2]", "tcp://[fe80::1:2]:5555"),
        ("eth0", "tcp://eth0:5555"),
    ],
)
def test_another_host_moves_all_four_ports(bind: str, endpoint: str) -> None:
    settings = RelaySettings(bind=bind)
    assert settings.producer_frames == endpoint
    assert settings.streamer_events == endpoint.replace("5555", "5558")


def test_an_endpoint_of_its_own_is_not_moved() -> None:
    settings = RelaySettings(bind="*", producer_frames="ipc:///run/frames")
    assert settings.producer_frames == "ipc:///run/frames"
    assert settings.producer_events == "tcp://*:5556"


def test_a_relay_may_stand_behind_others() -> None:
    settings = from_sources(
        {"upstream_frames": "tcp://a:5557,tcp://b:5557"}, {}, {"upstream_events": "tcp://a:5558"}
    )
    assert settings.upstream_frames == ("tcp://a:5557", "tcp://b:5557")
    assert settings.upstream_events == ("tcp://a:5558",)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("bind", "", "a host"),
        ("bind", "127.0.0.1:5555", "a host"),
        ("bind", 5, "a text of one line"),
        ("producer_frames", "5555", "a ZeroMQ endpoint, as tcp://127.0.0.1:5555"),
        ("producer_events", "x", "a ZeroMQ endpoint, as tcp://127.0.0.1:5556"),
        ("streamer_frames", 5557, "a ZeroMQ endpoint, as tcp://127.0.0.1:5557"),
        ("streamer_events", "http://x", "a ZeroMQ endpoint, as tcp://127.0.0.1:5558"),
        ("upstream_frames", ["a"], "a ZeroMQ endpoint"),
        ("upstream_events", 5, "a list of ZeroMQ endpoints"),
        ("http", "9090", "HOST:PORT"),
        ("frames_hwm", 0, "a whole number from 1 to"),
        ("max_frame_bytes", 0, "a whole number from 1 to"),
        ("log_level", "loud", '"debug" or "info" or "warning" or "error"'),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key: str, value: Any, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_sources({}, {}, {key: value})
    assert key in str(caught.value)
    assert allowed in str(caught.value)


def test_an_unknown_key_is_named_with_all_that_are_allowed() -> None:
    with pytest.raises(SettingsError, match=r"unknown key workers: allowed are .*producer_frames"):
        from_sources({}, {}, {"workers": 2})


def test_an_option_goes_over_the_environment_over_the_file() -> None:
    given, environment, file = {"bind": "a"}, {"PARTCAST_BIND": "b"}, {"bind": "c"}
    assert from_sources(given, environment, file).bind == "a"
    assert from_sources({}, environment, file).bind == "b"
    assert from_sources({}, {}, file).bind == "c"


def test_metrics_are_served_where_that_is_asked_for() -> None:
    assert RelaySettings(http="127.0.0.1:0").http == "127.0.0.1:0"
