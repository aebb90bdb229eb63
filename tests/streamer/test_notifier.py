"""Which streams a subscription to the events channel is answered with."""

from __future__ import annotations

import pytest

from streamer.notifier import subscribed_streams

WATCHED = ["cam1", "cam10", "door"]


@pytest.mark.parametrize(
    ("subscription", "streams"),
    [
        (b"event/cam1/", ["cam1"]),
        (b"event/cam10/", ["cam10"]),
        # Its own topic asks for a stream, whether anybody watches it or not.
        (b"event/yard/", ["yard"]),
        (b"event/cam", ["cam1", "cam10"]),
        (b"event/cam1", ["cam1", "cam10"]),
        (b"event/", ["cam1", "cam10", "door"]),
        (b"ev", ["cam1", "cam10", "door"]),
        (b"", ["cam1", "cam10", "door"]),
        (b"event/yard", []),
        (b"event/cam1/x", []),
        (b"event/cam1//", []),
        (b"event/.cam/", []),
        (b"event//", []),
        (b"node/abcd/", []),
        (b"node/", []),
        (b"one/cam1/", []),
        (b"\xff\xfe/", []),
        (b"event/c\xe4m/", []),
    ],
)
def test_a_topic_asks_for_its_stream_and_a_prefix_for_all_that_are_watched(
    subscription: bytes, streams: list[str]
) -> None:
    assert subscribed_streams(subscription, WATCHED) == streams
