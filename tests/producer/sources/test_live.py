"""Live video from a URL that FFmpeg reads; a plain TCP server stands for the camera."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.sources import SourceError, SourceOptions, open_source
from producer.sources.decoding import Shot, Video
from producer.sources.live import LiveVideo, as_they_come
from producer.sources.reconnect import UnavailableError
from tests.producer.sources.camera_server import Request, in_turn, refusing, serving
from tests.producer.sources.clips import COLOURS, clip, colour_of, packets
from tests.producer.sources.reading import STOP_S, running, seconds_to_stop, taken


@contextlib.contextmanager
def sending(*streams: bytes) -> Iterator[str]:
    """Gives each stream to one client: all but the last are cut, that one is held open."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        for stream in streams:
            client, _ = listener.accept()
            with client:
                client.sendall(stream)
                if stream is streams[-1]:
                    done.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("live") / "live.mkv", "mjpeg", pictures=20)


@pytest.fixture(scope="module")
def mpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("live") / "live.ts", "mpeg2video", fps=25, pictures=60)


def test_jpeg_pictures_pass_as_they_are_and_untimed(jpegs: Path) -> None:
    with sending(jpegs.read_bytes()) as url:
        source = open_source(url)
        pictures = taken(source, 20)
    assert [picture.body for picture in pictures] == packets(jpegs)
    assert {picture.offset_s for picture in pictures} == {None}
    assert source.length is None


def test_other_pictures_are_decoded(mpeg: Path) -> None:
    with sending(mpeg.read_bytes()) as url:
        pictures = taken(open_source(url), 8)
    assert [colour_of(picture.body) for picture in pictures] == [*COLOURS, *COLOURS]


@pytest.mark.usefixtures("_settled_at_once")
def test_a_stream_that_breaks_off_is_opened_again(
    jpegs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with sending(jpegs.read_bytes(), b"not a video", jpegs.read_bytes()) as url:
        assert len(taken(open_source(url), 30)) == 30
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_stream_that_nothing_decodes_is_an_outage(
    jpegs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = jpegs.read_bytes().replace(b"V_MJPEG", b"V_ZZZZZ")
    with sending(unknown, jpegs.read_bytes()) as url:
        assert len(taken(open_source(url), 20)) == 20
    assert "is lost, trying again: its pictures are in a form that this build" in caplog.text


def test_a_stop_is_heeded_while_the_stream_is_silent(jpegs: Path) -> None:
    with sending(jpegs.read_bytes()) as url:
        source = open_source(url, SourceOptions(read_timeout_s=1))
        assert seconds_to_stop(source, after=20) < STOP_S


def test_a_silent_stream_is_lost(jpegs: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = jpegs.read_bytes()
    with (
        sending(data) as url,
        running(open_source(url, SourceOptions(read_timeout_s=0.2))) as (pictures, stop),
    ):
        threading.Timer(0.5, stop.set).start()
        assert len(list(pictures)) == 20
    assert "silent for too long" in caplog.text


def test_an_rtsp_camera_that_does_not_answer_is_said_to_be_silent() -> None:
    with sending(b"") as url, pytest.raises(UnavailableError, match="silent for too long"):
        Video(url.replace("tcp:", "rtsp:"), SourceOptions(), settings={}, timeouts_s=(0.2, 5))


def test_no_more_pictures_than_fps_are_taken(jpegs: Path) -> None:
    with sending(jpegs.read_bytes()) as url:
        source = open_source(url, SourceOptions(fps=1, read_timeout_s=1))
        with running(source) as (pictures, stop):
            threading.Timer(0.3, stop.set).start()
            assert len(list(pictures)) == 1


def test_pictures_that_fps_leaves_out_do_not_hold_up_the_end() -> None:
    ended = threading.Event()
    shots = itertools.repeat(Shot(None, lambda: b"jpeg"), 100)
    pictures = as_they_come(shots, SourceOptions(fps=0.1), ended)
    next(pictures)
    ended.set()
    assert list(pictures) == []
    assert next(shots, None) is not None


def test_a_recorded_video_on_a_web_server_is_shown_once_at_its_times(tmp_path: Path) -> None:
    data = clip(tmp_path / "clip.mp4").read_bytes()
    with serving(lambda request: request.answer("video/mp4", data)) as server:
        pictures = taken(open_source(server.url))
    assert [picture.offset_s for picture in pictures] == [number / 8 for number in range(8)]


def test_a_recorded_video_on_a_web_server_is_repeated_where_that_is_asked_for(
    tmp_path: Path,
) -> None:
    data = clip(tmp_path / "clip.mp4").read_bytes()
    with serving(lambda request: request.answer("video/mp4", data)) as server:
        pictures = taken(open_source(server.url, SourceOptions(loop=True)), 12)
    assert [picture.offset_s for picture in pictures] == [number / 8 for number in range(12)]


def test_a_live_video_on_a_web_server_is_shown_as_it_comes(mpeg: Path) -> None:
    def script(request: Request) -> None:
        request.head("video/mp2t")
        request.send(mpeg.read_bytes())
        request.hold()

    with serving(in_turn(refusing(503), script)) as server:
        pictures = taken(open_source(server.url, SourceOptions(read_timeout_s=1)), 8)
    assert {picture.offset_s for picture in pictures} == {None}


@pytest.mark.parametrize("url", ["rtsp://", "rtsp://camera:99999/1", "http://", "http://[::1"])
def test_a_url_without_a_host_or_with_a_bad_port_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="no URL with a host"):
        open_source(url)


def test_a_kind_of_url_that_ffmpeg_lacks_is_an_error_that_names_the_url() -> None:
    with pytest.raises(SourceError, match=r"^camera://host/1: this build of FFmpeg"):
        taken(LiveVideo("camera://jo:secret@host/1", SourceOptions()), 1)


def test_a_webcam_that_is_not_there_is_an_error_that_names_the_others() -> None:
    for spec in ("webcam:987", "/dev/video987"):
        with pytest.raises(SourceError, match="there is no webcam /dev/video987; found: "):
            open_source(spec)
