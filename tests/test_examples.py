"""The examples run as they stand, at a streamer of the test's, and the README shows the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from .e2e.processes import Command, Part, Starter, Viewer, close_sockets, starting
from .e2e.test_readers import BLUE, GREEN, RED, picture

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
CLIP = '[streams.clip]\noverload = "queue"\n'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with starting(tmp_path) as starter:
        yield starter
    close_sockets()


@pytest.fixture
def streamer(start: Starter) -> Command:
    return start.streamer(config=CLIP)


@pytest.fixture
def run(streamer: Command, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Runs programs in an empty folder, and ends them."""
    processes = []

    def run(*command: str) -> None:
        environment = {
            **os.environ,
            "PARTCAST_FRAMES": streamer.addresses["frames"],
            "PARTCAST_EVENTS": streamer.addresses["events"],
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        processes.append(
            subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True)
        )

    yield run
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return path


def placed(name: str, streamer: Command, folder: Path) -> str:
    """Copies an example, with the addresses of the streamer in place of the usual ones."""
    frames, events = streamer.addresses["frames"], streamer.addresses["events"]
    text = (EXAMPLES / name).read_text()
    changed = text.replace("tcp://127.0.0.1:5555", frames)
    changed = changed.replace("Producer()", f'Producer("{frames}", "{events}")')
    assert changed != text
    path = folder / Path(name).name
    path.write_text(changed)
    return str(path)


def seen(streamer: Command, stream: str, number: int) -> list[Part]:
    return Viewer(streamer.port, f"/streams/{stream}").parts(number)


def test_the_five_lines_of_pyzmq_are_watched(
    streamer: Command, run: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "picture.jpg").write_bytes(picture(RED))
    run(sys.executable, placed("plain_pyzmq.py", streamer, tmp_path))
    assert [each.body for each in seen(streamer, "cam1", 3)] == [picture(RED)] * 3


def test_the_camera_of_opencv_is_watched(
    streamer: Command, run: Callable[..., None], tmp_path: Path
) -> None:
    camera = cv2.VideoWriter(
        str(tmp_path / "camera.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48)
    )
    for _ in range(200):
        camera.write(np.full((48, 64, 3), GREEN[::-1], np.uint8))
    camera.release()
    path = Path(placed("opencv_camera.py", streamer, tmp_path))
    path.write_text(path.read_text().replace("VideoCapture(0)", 'VideoCapture("camera.avi")'))
    run(sys.executable, str(path))
    (part,) = seen(streamer, "cam1", 1)
    shown = np.asarray(cv2.imdecode(np.frombuffer(part.body, np.uint8), cv2.IMREAD_COLOR))
    assert np.abs(shown[24, 32].astype(int) - GREEN[::-1]).max() < 12


def test_each_viewer_of_the_replay_gets_all_of_it(
    streamer: Command, run: Callable[..., None], tmp_path: Path
) -> None:
    pictures = [picture(colour) for colour in (RED, GREEN, BLUE)]
    (tmp_path / "pictures").mkdir()
    for number, body in enumerate(pictures):
        (tmp_path / "pictures" / f"{number}.jpg").write_bytes(body)
    run(sys.executable, placed("replay.py", streamer, tmp_path))
    for _ in range(2):
        rest = Viewer(streamer.port, "/streams/clip").rest()
        assert [each.body for each in rest] == pictures


def test_the_values_are_json(streamer: Command, run: Callable[..., None], tmp_path: Path) -> None:
    run(sys.executable, placed("values.py", streamer, tmp_path))
    (part,) = seen(streamer, "load", 1)
    assert part.headers["Content-Type"] == "application/json"
    assert part.body.startswith(b'{"load": ')


def test_the_producer_in_c_is_watched(
    streamer: Command, run: Callable[..., None], tmp_path: Path
) -> None:
    source = placed("c/producer.c", streamer, tmp_path)
    compiler = program("cc", "gcc")
    if not Path("/usr/include/zmq.h").exists():
        pytest.skip("libzmq's header is not installed: apt-get install libzmq3-dev")
    built = [compiler, "-Wall", "-Wextra", "-Werror", "-o", f"{tmp_path}/producer", source, "-lzmq"]
    subprocess.run(built, check=True)
    for name, colour in (("first.jpg", RED), ("second.jpg", BLUE)):
        (tmp_path / name).write_bytes(picture(colour))
    run(f"{tmp_path}/producer", "first.jpg", "second.jpg")
    bodies = {each.body for each in seen(streamer, "cam1", 3)}
    assert bodies == {picture(RED), picture(BLUE)}


def test_the_producer_in_javascript_is_watched(
    streamer: Command, run: Callable[..., None], tmp_path: Path
) -> None:
    node = program("node", "nodejs")
    modules = EXAMPLES / "nodejs" / "node_modules"
    if not (modules / "zeromq").exists():
        pytest.skip("the package zeromq is not installed: npm install --prefix examples/nodejs")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(EXAMPLES / "nodejs" / "package.json", tmp_path)
    (tmp_path / "picture.jpg").write_bytes(picture(GREEN))
    run(node, placed("nodejs/producer.js", streamer, tmp_path), "picture.jpg")
    assert [each.body for each in seen(streamer, "cam1", 3)] == [picture(GREEN)] * 3


def test_whatever_ffmpeg_reads_is_watched(streamer: Command, run: Callable[..., None]) -> None:
    program("ffmpeg", "ffmpeg")
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10"]
    run(str(EXAMPLES / "ffmpeg.sh"), "cam1", *source)
    assert all(each.body.startswith(b"\xff\xd8") for each in seen(streamer, "cam1", 3))


def test_the_shell_script_says_what_it_lacks() -> None:
    script = [str(EXAMPLES / "ffmpeg.sh"), "cam1", "-i", "film.mp4"]
    ended = subprocess.run(script, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"no partcast-producer here")
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("name", "stream"), [("replay.py", "clip"), ("values.py", "load")])
def test_an_interrupt_is_a_plain_end(
    streamer: Command, tmp_path: Path, name: str, stream: str
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(100):
        (tmp_path / "pictures" / f"{number:02}.jpg").write_bytes(picture(RED))
    command = [sys.executable, placed(name, streamer, tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert seen(streamer, stream, 1)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["plain_pyzmq.py", "opencv_camera.py", "replay.py"])
def test_the_readme_shows_the_example_that_runs(name: str) -> None:
    code = re.sub(r'\A""".*?"""\n+', "", (EXAMPLES / name).read_text(), flags=re.DOTALL)
    assert f"```python\n{code}```" in (ROOT / "README.md").read_text()


def test_the_settings_of_the_readme_are_taken(start: Starter) -> None:
    readme = (ROOT / "README.md").read_text()
    (settings,) = re.findall(r"```toml\n(.*?)```", readme, flags=re.DOTALL)
    assert set(start.streamer(config=settings).streams()) == {"clip"}
