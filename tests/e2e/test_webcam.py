"""A webcam, read by FFmpeg's own Video4Linux: a library that is loaded first stands for the device.

No machine that runs tests has a webcam, and few may load a kernel module that stands for one.
"""

from __future__ import annotations

import io
import platform
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests.producer.sources.clips import COLOURS, clip, colour_of, packets, without_tables

from .processes import Command, Part, Starter, Viewer, eventually
from .producing import frames_of, publish, streamer_of

SOURCE = Path(__file__).with_name("v4l2_device.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or ""
SIZE = (64, 48)

pytestmark = [
    pytest.mark.skipif(
        platform.libc_ver()[0] != "glibc", reason="the webcam is made for Linux with glibc"
    ),
    pytest.mark.skipif(
        not COMPILER, reason="a C compiler makes the webcam: apt install gcc libc6-dev"
    ),
]


@dataclass
class Webcam:
    """A folder that is a device; see the library."""

    folder: Path
    library: Path
    monkeypatch: pytest.MonkeyPatch

    def publish(self, start: Starter, streamer: Command, *options: str) -> Command:
        with self.monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(self.library))
            patch.setenv("V4L2_DEVICE", str(self.folder))
            return publish(start, streamer, "cam1", "webcam:0", *options)

    def shows(self, fourcc: str, pictures: list[bytes], size: tuple[int, int] = SIZE) -> None:
        folder = self.folder / "{}-{}x{}".format(fourcc, *size)
        folder.mkdir()
        for number, each in enumerate(pictures):
            (folder / str(number)).write_bytes(each)

    def becomes(self, state: str) -> None:
        (self.folder / state).touch()

    def is_no_longer(self, state: str) -> None:
        (self.folder / state).unlink()

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def wait_for(self, *log: str) -> None:
        eventually(lambda: self.log() == list(log), f"{log}, not {self.log()}")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("webcam") / "v4l2_device.so"
    command = [COMPILER, "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return built


@pytest.fixture
def webcam(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webcam]:
    (tmp_path / "webcam").mkdir()
    webcam = Webcam(tmp_path / "webcam", library, monkeypatch)
    yield webcam
    assert "gets a buffer back behind its end" not in webcam.log()


def jpegs(size: tuple[int, int] = SIZE) -> list[bytes]:
    """The `COLOURS` as a webcam encodes them."""
    images = [Image.new("RGB", size, colour) for colour in COLOURS.values()]
    return [_saved(image) for image in images]


def _saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", subsampling="4:2:2")
    return out.getvalue()


def yuyv(size: tuple[int, int] = SIZE) -> list[bytes]:
    """The `COLOURS` as two pixels in four bytes each, in the range of ITU-R BT.601."""
    return [_pixels(colour) * (size[0] * size[1] // 2) for colour in COLOURS.values()]


def _pixels(colour: tuple[int, int, int]) -> bytes:
    pixel = Image.new("RGB", (1, 1), colour).convert("YCbCr").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    luma = round(16 + pixel[0] * 219 / 255)
    blue, red = (round(128 + (each - 128) * 224 / 255) for each in pixel[1:])
    return bytes([luma, blue, luma, red])


def in_turn(parts: list[Part]) -> bool:
    """Whether pictures have the right colours, in the right order."""
    names = list(COLOURS) * 2
    seen = [colour_of(part.body) for part in parts]
    return any(seen == names[at : at + len(seen)] for at in range(len(COLOURS)))


def sizes_of(parts: list[Part]) -> set[tuple[int, int]]:
    return {Image.open(io.BytesIO(part.body)).size for part in parts}


def test_jpeg_pictures_of_a_webcam_pass_as_they_are(start: Starter, webcam: Webcam) -> None:
    webcam.shows("MJPG", jpegs())
    webcam.shows("YUYV", yuyv())
    streamer = streamer_of(start)
    webcam.publish(start, streamer)
    parts = Viewer(streamer.port, "/streams/cam1").parts(4)
    assert in_turn(parts)
    assert {part.body for part in parts} == set(jpegs())
    assert all("X-Timestamp" in part.headers for part in parts)


def test_jpeg_pictures_without_tables_get_them(start: Starter, webcam: Webcam) -> None:
    bare = [without_tables(each) for each in jpegs()]
    webcam.shows("MJPG", bare)
    streamer = streamer_of(start)
    webcam.publish(start, streamer)
    parts = Viewer(streamer.port, "/streams/cam1").parts(4)
    assert in_turn(parts)
    assert {without_tables(part.body) for part in parts} == set(bare)


def test_other_pictures_are_encoded_at_the_size_and_rate_asked_for(
    start: Starter, webcam: Webcam
) -> None:
    webcam.shows("YUYV", yuyv())
    webcam.shows("YUYV", yuyv((96, 64)), size=(96, 64))
    streamer = streamer_of(start)
    webcam.publish(start, streamer, "--size", "96x64", "--fps", "10")
    parts = Viewer(streamer.port, "/streams/cam1").parts(4)
    assert colour_of(parts[0].body) == "red"
    assert sizes_of(parts) == {(96, 64)}
    webcam.wait_for("begins YUYV-96x64 10/1")


def test_a_webcam_that_encodes_video_is_decoded(
    start: Starter, webcam: Webcam, tmp_path: Path
) -> None:
    webcam.shows("H264", packets(clip(tmp_path / "clip.264", "h264", container_format="h264")))
    streamer = streamer_of(start)
    webcam.publish(start, streamer)
    parts = Viewer(streamer.port, "/streams/cam1").parts(8)
    assert colour_of(parts[0].body) == "red"
    assert in_turn(parts)
    assert sizes_of(parts) == {SIZE}


@pytest.mark.parametrize(("fourcc", "pictures"), [("MJPG", jpegs()), ("YUYV", yuyv())])
def test_pictures_of_another_size_than_asked_for_are_resized(
    start: Starter, webcam: Webcam, fourcc: str, pictures: list[bytes]
) -> None:
    webcam.shows(fourcc, pictures)
    streamer = streamer_of(start)
    webcam.publish(start, streamer, "--size", "96x80")
    parts = Viewer(streamer.port, "/streams/cam1").parts(4)
    assert in_turn(parts)
    assert sizes_of(parts) == {(96, 80)}


def test_a_webcam_is_open_only_while_somebody_watches(start: Starter, webcam: Webcam) -> None:
    webcam.shows("MJPG", jpegs())
    begins = "begins MJPG-64x48 5/1"
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer, "--fps", "0.1")
    assert webcam.log() == []
    viewer = Viewer(streamer.port, "/streams/cam1")
    viewer.part()
    webcam.wait_for(begins)
    viewer.close()
    eventually(lambda: "rests" in producer.said(), "a rest")
    # Long before the next picture is due.
    eventually(lambda: webcam.log() == [begins, "ends"], "the device closed", patience_s=3)
    Viewer(streamer.port, "/streams/cam1")
    webcam.wait_for(begins, "ends", begins)


def test_ctrl_c_ends_a_webcam_that_is_watched_quietly(start: Starter, webcam: Webcam) -> None:
    webcam.shows("MJPG", jpegs())
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer, "--log-level", "warning")
    Viewer(streamer.port, "/streams/cam1").part()
    assert (producer.end(signal.SIGINT), producer.said()) == (0, "")


@pytest.mark.parametrize(("fourcc", "pictures"), [("MJPG", jpegs()), ("YUYV", yuyv())])
def test_a_webcam_that_is_unplugged_is_watched_on_when_it_is_back(
    start: Starter, webcam: Webcam, fourcc: str, pictures: list[bytes]
) -> None:
    webcam.shows(fourcc, pictures)
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer)
    viewer = Viewer(streamer.port, "/streams/cam1")
    viewer.part()
    webcam.becomes("unplugged")
    said = "/dev/video0 is lost, trying again: No such device"
    eventually(lambda: said in producer.said(), said)
    webcam.is_no_longer("unplugged")
    eventually(lambda: "is back after" in producer.said(), "a word about it")
    viewer.part()
    assert producer.said().count("is lost") == 1


def test_a_webcam_that_another_program_has_is_waited_for(start: Starter, webcam: Webcam) -> None:
    webcam.shows("MJPG", jpegs())
    webcam.becomes("busy")
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer)
    viewer = Viewer(streamer.port, "/streams/cam1")
    said = "/dev/video0 is lost, trying again: Device or resource busy"
    eventually(lambda: said in producer.said(), said)
    webcam.is_no_longer("busy")
    viewer.part()
    assert producer.said().count("is lost") == 1


def test_a_webcam_that_is_silent_is_opened_again(start: Starter, webcam: Webcam) -> None:
    webcam.shows("MJPG", jpegs())
    webcam.becomes("silent")
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer, "--read-timeout-s", "0.5")
    viewer = Viewer(streamer.port, "/streams/cam1")
    said = "/dev/video0 is lost, trying again: silent for too long"
    eventually(lambda: said in producer.said(), said)
    webcam.is_no_longer("silent")
    viewer.part()
    begins = "begins MJPG-64x48 25/1"
    assert webcam.log()[:3] == [begins, "ends", begins]


def test_pictures_that_a_driver_calls_broken_are_left_out(start: Starter, webcam: Webcam) -> None:
    webcam.shows("YUYV", yuyv())
    streamer = streamer_of(start)
    producer = webcam.publish(start, streamer)
    Viewer(streamer.port, "/streams/cam1").part()
    webcam.becomes("spoilt")
    eventually(lambda: webcam.log().count("spoils a picture") > 2, "broken pictures")
    webcam.is_no_longer("spoilt")
    frames = frames_of(streamer)
    eventually(lambda: frames_of(streamer) > frames + 1, "pictures again")
    assert "is lost" not in producer.said()
