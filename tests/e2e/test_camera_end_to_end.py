"""Real sources of motion JPEG, taken in by the command and watched frame for frame."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.producer.sources.camera_server import behind_digest, serving, stream_of

from .processes import PATIENCE_S, Starter, Viewer, eventually
from .producing import finish, free_ports, numbers, picture, publish, publishing_input, streamer_of

# At 10 a second: long enough for a camera to count as back.
PICTURES = 45
CLIP = ("-f", "lavfi", "-i", f"testsrc=size=64x48:rate=10:duration={PICTURES / 10}")
OTHER_CLIP = ("-f", "lavfi", "-i", f"testsrc2=size=64x48:rate=10:duration={PICTURES / 10}")
CAMERA_TYPE = "multipart/x-mixed-replace; boundary=ffmpeg"

pytestmark = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg stands for the camera: apt install ffmpeg"
)


def ffmpeg(*arguments: str) -> list[str]:
    return ["ffmpeg", "-nostdin", "-loglevel", "error", *arguments]


def frames_of(folder: Path, clip: tuple[str, ...] = CLIP) -> list[bytes]:
    """The pictures of a clip as ffmpeg encodes them, one file each."""
    folder.mkdir()
    command = ffmpeg(*clip, "-c:v", "mjpeg", str(folder / "%03d.jpg"))
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@contextlib.contextmanager
def camera(port: int, clip: tuple[str, ...] = CLIP) -> Iterator[subprocess.Popen[bytes]]:
    """A camera: shows its clip, at its pace, to the first who asks, then hangs up."""
    form = ("-c:v", "mjpeg", "-f", "mpjpeg", "-content_type", CAMERA_TYPE, "-listen", "1")
    command = ffmpeg("-re", *clip, *form, f"http://127.0.0.1:{port}/video")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_camera_is_watched_frame_for_frame(start: Starter, tmp_path: Path) -> None:
    frames = frames_of(tmp_path / "frames")
    assert len(frames) == PICTURES
    streamer = streamer_of(start)
    (port,) = free_ports(1)
    with camera(port):
        publish(start, streamer, "cam1", f"http://127.0.0.1:{port}/video")
        parts = Viewer(streamer.port, "/streams/cam1").parts(PICTURES)
    assert [part.body for part in parts] == frames
    assert {part.headers["Content-Type"] for part in parts} == {"image/jpeg"}
    assert all("X-Timestamp" in part.headers for part in parts)


def test_a_camera_that_comes_back_is_watched_on_by_the_same_viewer(
    start: Starter, tmp_path: Path
) -> None:
    frames = frames_of(tmp_path / "frames") + frames_of(tmp_path / "others", OTHER_CLIP)
    streamer = streamer_of(start)
    (port,) = free_ports(1)
    producer = publish(start, streamer, "cam1", f"http://127.0.0.1:{port}/video")
    viewer = Viewer(streamer.port, "/streams/cam1")
    with camera(port) as process:
        parts = viewer.parts(PICTURES)
        process.wait(PATIENCE_S)
    eventually(lambda: "trying again: the stream ended" in producer.said(), "a word about it")
    with camera(port, OTHER_CLIP):
        parts += viewer.parts(PICTURES)
    assert [part.body for part in parts] == frames
    assert producer.said().count("is lost, trying again: the stream ended") == 1
    assert "is back after" in producer.said()


@pytest.mark.parametrize("form", [("-f", "mpjpeg"), ("-f", "image2pipe")], ids=lambda form: form[1])
def test_what_ffmpeg_pipes_in_is_watched_frame_for_frame(
    form: tuple[str, ...], start: Starter, tmp_path: Path
) -> None:
    frames = frames_of(tmp_path / "frames")
    streamer = streamer_of(start)
    command = ffmpeg("-re", *CLIP, "-c:v", "mjpeg", *form, "-")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        with publishing_input(streamer, stdin=source.stdout.fileno()) as process:
            source.stdout.close()
            viewer = Viewer(streamer.port, "/streams/cam1")
            assert [part.body for part in viewer.rest()] == frames
            assert process.wait(PATIENCE_S) == 0


def test_jpeg_frames_of_a_video_pass_as_they_are(start: Starter, tmp_path: Path) -> None:
    frames = frames_of(tmp_path / "frames")
    clip = str(tmp_path / "clip.avi")
    subprocess.run(ffmpeg(*CLIP, "-c:v", "mjpeg", clip), check=True, timeout=PATIENCE_S)
    streamer = streamer_of(start)
    producer = publish(start, streamer, "clip", clip)
    assert [part.body for part in Viewer(streamer.port, "/streams/clip").rest()] == frames
    assert finish(producer) == 0


def test_the_login_of_a_camera_can_be_left_to_the_environment(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTCAST_USER", "jo")
    monkeypatch.setenv("PARTCAST_PASSWORD", "s3cret")
    streamer = streamer_of(start)
    with serving(behind_digest("jo", "s3cret", stream_of(picture(7)))) as server:
        producer = publish(start, streamer, "cam1", server.url)
        assert numbers(Viewer(streamer.port, "/streams/cam1").parts(1)) == [7]
    assert "s3cret" not in producer.said()
