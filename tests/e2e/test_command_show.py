"""One source for all clients of a stream, and streamers that come and go."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import zmq
from PIL import Image

from tests.producer.sources.camera_server import behind_basic, part, serving, stream_of
from tests.producer.sources.clips import avi_of

from .processes import PATIENCE_S, Events, Publisher, Starter, Viewer, eventually
from .producing import (
    clip,
    finish,
    frames_of,
    free_ports,
    numbers,
    picture,
    publish,
    publishing_input,
    streamer_of,
    write,
)

Context = zmq.Context[zmq.Socket[bytes]]


def test_a_clip_begins_with_its_first_viewer_and_ends_cleanly(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = streamer_of(start, "--heartbeat-interval-s", "0.1")
    events = Events(context, streamer.addresses["events"])
    producer = publish(start, streamer, "cam1", clip(tmp_path, 12), "--fps", "30")
    # Some heartbeats later it would have begun, if it did not wait.
    events.wait_for(len(events.having(type="heartbeat")) + 3, type="heartbeat")
    assert frames_of(streamer) == 0
    viewer = Viewer(streamer.port, "/streams/cam1")
    assert numbers(viewer.rest()) == list(range(12))
    assert finish(producer) == 0
    events.wait_for(type="closed_connection", reason="stop", parts=12)


def test_a_live_source_rests_when_the_last_viewer_has_left_and_begins_again(
    start: Starter,
) -> None:
    streamer = streamer_of(start)
    producer = publish(start, streamer, "cam1", "test", "--fps", "20", "--size", "64x48")
    for round_number in (1, 2):
        viewer = Viewer(streamer.port, "/streams/cam1")
        viewer.parts(10)
        viewer.close()
        eventually(lambda n=round_number: producer.said().count("cam1 rests") == n, "a rest")  # type: ignore[misc]
    frames = frames_of(streamer)
    assert producer.said().count("cam1 begins") == 2
    time.sleep(0.3)  # six pictures' time
    assert frames_of(streamer) == frames


def test_always_runs_without_a_viewer(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start)
    producer = publish(start, streamer, "cam1", clip(tmp_path, 5), "--fps", "50", "--always")
    assert finish(producer) == 0
    assert frames_of(streamer) == 5
    looped = publish(
        start, streamer, "cam2", clip(tmp_path, 5), "--fps", "50", "--always", "--loop"
    )
    eventually(lambda: frames_of(streamer, "cam2") > 10, "rounds")
    assert looped.end() == 0


def test_pictures_keep_their_pace_their_type_and_get_a_time(start: Starter, tmp_path: Path) -> None:
    folder = Path(clip(tmp_path, 6))
    Image.new("L", (8, 8)).save(folder / "3.jpg", "png")
    streamer = streamer_of(start, content_type="text/plain")
    publish(start, streamer, "cam1", str(folder), "--fps", "10")
    viewer = Viewer(streamer.port, "/streams/cam1")
    began = time.time()
    parts = viewer.rest()
    types = [part.headers["Content-Type"] for part in parts]
    assert types == ["image/jpeg"] * 3 + ["image/png"] + ["image/jpeg"] * 2
    times = [float(part.headers["X-Timestamp"]) for part in parts]
    assert times == sorted(times)
    assert began - 60 < times[0] < began + 60
    # Five gaps of 0.1 s; a busy machine is late at times, and early never.
    assert times[5] - times[0] > 0.45


def test_the_content_type_can_be_told(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start)
    publish(start, streamer, "cam1", clip(tmp_path, 2), "--content-type", "application/x-frame")
    parts = Viewer(streamer.port, "/streams/cam1").rest()
    assert {part.headers["Content-Type"] for part in parts} == {"application/x-frame"}


def test_a_picture_that_a_streamer_refuses_is_told_of_once(start: Starter) -> None:
    bad = part(b"no picture")
    streamer = streamer_of(start)
    with publishing_input(streamer) as process:
        viewer = Viewer(streamer.port, "/streams/cam1")
        write(process, part(picture(0)) + bad + bad + part(picture(1)) + b"--frame--\r\n")
        assert numbers(viewer.rest()) == [0, 1]
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert said.count("is called image/jpeg and does not begin with FF D8") == 1


def test_a_source_that_breaks_off_ends_its_stream_and_says_why(start: Starter) -> None:
    streamer = streamer_of(start)
    bad = b"--frame\r\nX: " + b"x" * 20_000
    with publishing_input(streamer) as process:
        viewer = Viewer(streamer.port, "/streams/cam1")
        write(process, part(picture(0)) + bad)
        assert numbers(viewer.rest()) == [0]
        assert process.wait(PATIENCE_S) == 1
        assert process.stderr is not None
        last = process.stderr.read().decode().splitlines()[-1]
    assert last.startswith("partcast-producer: standard input: a header is larger than")


@pytest.mark.parametrize("options", [(), ("--loop",), ("--always",)])
def test_a_source_that_fails_before_its_first_picture_ends_nobodys_stream(
    options: tuple[str, ...], start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = streamer_of(start)
    viewer = Viewer(streamer.port, "/streams/cam1")
    path = tmp_path / "broken.avi"
    avi_of(path, [b"broken"] * 3)
    producer = publish(start, streamer, "cam1", str(path), *options)
    assert finish(producer) == 1
    last = producer.said().splitlines()[-1]
    assert last == f"partcast-producer: {path}: none of its pictures can be read"
    other = Publisher(context, streamer.addresses["frames"])
    other.wait_for(b"all/cam1/")
    other.send("all/cam1/", picture(1))
    assert [each.body for each in viewer.parts(1)] == [picture(1)]


def test_a_loop_that_breaks_is_tried_again_and_that_is_said_once(
    start: Starter, tmp_path: Path
) -> None:
    streamer = streamer_of(start)
    folder = Path(clip(tmp_path, 3))
    producer = publish(start, streamer, "cam1", str(folder), "--fps", "30", "--loop", "--always")
    eventually(lambda: frames_of(streamer) > 3, "a round")
    away = folder.rename(tmp_path / "away")
    eventually(lambda: "the source of cam1 is lost" in producer.said(), "a word about it")
    before = frames_of(streamer)
    away.rename(folder)
    eventually(lambda: frames_of(streamer) > before + 3, "another round")
    assert producer.said().count("is lost") == 1
    assert producer.said().count("is back") == 1
    assert producer.said().count("cam1 begins") == 1


def test_a_login_that_a_camera_refuses_ends_the_command_and_says_why(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    streamer = streamer_of(start)
    with serving(behind_basic("jo", "secret", stream_of(picture(0)))) as server:
        url = server.url.replace("//", "//jo:wrong@")
        producer = publish(start, streamer, "cam1", url, "--always")
        assert finish(producer) == 1
    last = producer.said().splitlines()[-1]
    assert last.startswith(f"partcast-producer: {server.url}: it answers 401")
    assert "wrong" not in producer.said()


def test_standard_input_is_held_up_while_nobody_watches(start: Starter, context: Context) -> None:
    streamer = streamer_of(start, "--heartbeat-interval-s", "0.1")
    events = Events(context, streamer.addresses["events"])
    with publishing_input(streamer) as process:
        viewer = Viewer(streamer.port, "/streams/cam1")
        write(process, part(picture(0)) + part(picture(1)))
        assert numbers(viewer.parts(2)) == [0, 1]
        viewer.close()
        events.wait_for(type="no_connection")
        write(process, b"".join(part(picture(number)) for number in (2, 3, 4)))
        assert process.stdin is not None
        process.stdin.close()
        events.wait_for(len(events.having(type="heartbeat")) + 3, type="heartbeat")
        # The one that was under way when the viewer left may have been published.
        assert frames_of(streamer) <= 3
        assert numbers(Viewer(streamer.port, "/streams/cam1").rest())[-3:] == [2, 3, 4]
        assert process.wait(PATIENCE_S) == 0


def test_it_waits_for_a_streamer_and_says_so_once(start: Starter, tmp_path: Path) -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    producer = start.run(
        "producer", "publish", "cam1", clip(tmp_path, 10), "--frames", frames, "--events", events,
        "--fps", "20",
    )  # fmt: skip
    eventually(lambda: "no streamer takes frames" in producer.said(), "a word about it")
    streamer = streamer_of(start, "--bind-frames", frames, "--bind-events", events)
    assert numbers(Viewer(streamer.port, "/streams/cam1").rest()) == list(range(10))
    assert finish(producer) == 0
    assert producer.said().count("no streamer takes frames") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_streamer_that_restarts_is_found_again(number: int, start: Starter) -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    binds = ("--bind-frames", frames, "--bind-events", events, "--heartbeat-interval-s", "0.2")
    streamer = streamer_of(start, *binds)
    producer = publish(start, streamer, "cam1", "test", "--fps", "20", "--size", "64x48")
    Viewer(streamer.port, "/streams/cam1").parts(3)
    streamer.end(number)
    eventually(lambda: "no streamer takes frames" in producer.said(), "a word about it")
    streamer = streamer_of(start, *binds)
    Viewer(streamer.port, "/streams/cam1").parts(3)
    assert producer.said().count("no streamer takes frames") == 1
    assert producer.said().count("a streamer takes frames") == 1
    assert producer.end() == 0


def test_a_recording_loses_nothing_to_a_streamer_that_restarts(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    binds = ("--bind-frames", frames, "--bind-events", events)
    streamer = streamer_of(start, *binds)
    producer = publish(start, streamer, "cam1", clip(tmp_path, 20), "--fps", "10", "--always")
    eventually(lambda: frames_of(streamer) >= 3, "3 frames")
    before = frames_of(streamer)
    streamer.end()
    streamer = streamer_of(start, *binds)
    assert finish(producer) == 0
    after = frames_of(streamer)
    # One or two may have been under way when the first streamer ended, and the one that waited
    # for the next comes twice where the library was first to send it, as the stream's last frame.
    assert 20 - 3 <= before + after <= 20 + 1
