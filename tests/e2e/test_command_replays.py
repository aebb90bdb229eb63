"""A replay of its own for each client."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import zmq

from tests.producer.sources.camera_server import Request, in_turn, refusing, serving, stream_of

from .processes import Events, Starter, Viewer
from .producing import (
    clip,
    numbers,
    picture,
    publish,
    streamer_of,
)

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.mark.parametrize("overload", ["latest", "queue"])
def test_each_client_gets_its_own_replay_from_the_start(
    overload: str, start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = streamer_of(start, overload=overload, window=3)
    events = Events(context, streamer.addresses["events"])
    publish(start, streamer, "clip", clip(tmp_path, 15), "--fps", "30", "--per-client")
    first = Viewer(streamer.port, "/streams/clip")
    assert numbers(first.parts(3)) == [0, 1, 2]
    second = Viewer(streamer.port, "/streams/clip")
    assert numbers(second.rest()) == list(range(15))
    assert numbers(first.rest()) == list(range(3, 15))
    events.wait_for(2, type="closed_connection", reason="stop", parts=15, skipped=0)
    # Who comes later begins at the start, too.
    assert numbers(Viewer(streamer.port, "/streams/clip").rest()) == list(range(15))


def test_a_slow_client_is_waited_for_and_loses_nothing(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start, overload="queue", window=2, queue_bytes=700_000)
    folder = clip(tmp_path, 40, size=200_000)
    publish(start, streamer, "clip", folder, "--per-client", "--no-pace")
    slow = Viewer(streamer.port, "/streams/clip", receive_buffer=4096)
    swift = Viewer(streamer.port, "/streams/clip")
    assert numbers(swift.rest()) == list(range(40))
    # All 8 MB were far beyond its queue while it took nothing.
    assert numbers(slow.rest()) == list(range(40))


def test_a_client_can_begin_in_the_middle(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start)
    publish(start, streamer, "clip", clip(tmp_path, 30), "--fps", "20", "--per-client")
    viewer = Viewer(streamer.port, "/streams/clip?from=1.25")
    assert numbers(viewer.rest()) == list(range(25, 30))


def test_a_client_that_leaves_ends_its_replay_and_no_other(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start)
    producer = publish(start, streamer, "clip", clip(tmp_path, 30), "--fps", "20", "--per-client")
    leaver = Viewer(streamer.port, "/streams/clip")
    stayer = Viewer(streamer.port, "/streams/clip")
    leaver.parts(2)
    leaver.close()
    assert numbers(stayer.rest()) == list(range(30))
    assert producer.said().count("has left") == 1
    assert producer.said().count("was shown all 30 pictures") == 1


def test_a_client_that_leaves_ends_its_replay_though_the_source_is_silent(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    left = threading.Event()

    def script(request: Request) -> None:
        stream_of(picture(1))(request)
        left.set()

    streamer = streamer_of(start)
    with serving(script) as server:
        publish(start, streamer, "cam1", server.url, "--per-client")
        viewer = Viewer(streamer.port, "/streams/cam1")
        viewer.parts(1)
        viewer.close()
        # By itself the camera hangs up after 10 s only.
        assert left.wait(6)


def test_a_replay_that_fails_disturbs_no_other(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    streamer = streamer_of(start)
    camera = in_turn(stream_of(picture(1)), refusing(401), stream_of(picture(3)))
    with serving(camera) as server:
        producer = publish(start, streamer, "cam1", server.url, "--per-client")
        first = Viewer(streamer.port, "/streams/cam1")
        assert numbers(first.parts(1)) == [1]
        assert Viewer(streamer.port, "/streams/cam1").rest() == []
        assert numbers(Viewer(streamer.port, "/streams/cam1").parts(1)) == [3]
        assert producer.said().count("broke off") == 1
        assert "401" in producer.said()
        assert "Traceback" not in producer.said()
        # The first is watched still, and ended in good order.
        assert producer.end() == 0
        assert first.rest() == []
