"""A network camera that speaks RTSP, taken in by the command and watched through an outage.

GStreamer's server stands for the camera. Its binding belongs to the Python of the system.
"""

from __future__ import annotations

import contextlib
import io
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from .processes import PATIENCE_S, Starter, Viewer, eventually
from .producing import END_S, free_ports, publish, streamer_of
from .test_readers import program

SYSTEM_PYTHON: Final = "/usr/bin/python3"
PACKAGES: Final = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good"

LOADED: Final = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
if not (Gst.ElementFactory.find("qtdemux") and Gst.ElementFactory.find("rtph264pay")):
    sys.exit("no plugins")
"""
SERVER: Final = """
port, clip = sys.argv[1:]
launch = f'( filesrc location="{clip}" ! qtdemux ! rtph264pay name=pay0 )'
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
factory = GstRtspServer.RTSPMediaFactory(launch=launch, shared=True)
server.get_mount_points().add_factory("/video", factory)
if not server.attach(None):
    sys.exit("the port is taken")
print("ready", flush=True)
GLib.MainLoop().run()
"""

# Two clips that are told apart by their size, much longer than anybody watches them.
SIZE: Final = (160, 120)
OTHER_SIZE: Final = (192, 144)
CLIP_S: Final = 60
DIFFERENT: Final = 25


@pytest.fixture(autouse=True)
def _camera_program() -> None:
    try:
        probe = [SYSTEM_PYTHON, "-c", LOADED]
        subprocess.run(probe, check=True, capture_output=True, timeout=PATIENCE_S)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"GStreamer's RTSP server is not installed: apt-get install {PACKAGES}")


def clip(folder: Path, size: tuple[int, int]) -> Path:
    """H.264 as cameras send it, no two pictures of it alike."""
    path = folder / "{}x{}.mp4".format(*size)
    source = "testsrc=size={}x{}:rate=25:duration={}".format(*size, CLIP_S)
    form = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"]
    command = [program("ffmpeg"), "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, *form]
    subprocess.run([*command, str(path)], check=True, timeout=PATIENCE_S)
    return path


@contextlib.contextmanager
def camera(port: int, video: Path) -> Iterator[None]:
    """A camera that shows its clip from the beginning, and is killed at the end."""
    command = [SYSTEM_PYTHON, "-c", LOADED + SERVER, str(port), str(video)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


def watch(viewer: Viewer, size: tuple[int, int]) -> None:
    """Reads on until enough pictures of a size have come that differ."""
    pictures: set[bytes] = set()

    def enough() -> bool:
        (part,) = viewer.parts(1)
        with Image.open(io.BytesIO(part.body), formats=["JPEG"]) as image:
            if image.size == size:
                pictures.add(image.tobytes())
        return len(pictures) >= DIFFERENT

    eventually(enough, f"{DIFFERENT} different pictures of {size}")


def await_try(port: int) -> None:
    """Waits where the camera was until it is tried again, and hangs up."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(PATIENCE_S)
        listener.accept()[0].close()


def test_an_rtsp_camera_is_watched_on_by_the_same_viewer_once_it_is_back(
    start: Starter, tmp_path: Path
) -> None:
    video, other_video = clip(tmp_path, SIZE), clip(tmp_path, OTHER_SIZE)
    streamer = streamer_of(start)
    (port,) = free_ports(1)
    with camera(port, video):
        producer = publish(start, streamer, "cam1", f"rtsp://127.0.0.1:{port}/video")
        viewer = Viewer(streamer.port, "/streams/cam1")
        watch(viewer, SIZE)
        assert "is lost" not in producer.said()
    eventually(lambda: "is lost, trying again" in producer.said(), "a word about it")
    await_try(port)
    with camera(port, other_video):
        watch(viewer, OTHER_SIZE)
        eventually(lambda: "is back after" in producer.said(), "a word about it")
        assert producer.said().count("is lost") == 1
        assert producer.said().count("is back after") == 1
        assert producer.end(patience_s=END_S) == 0
