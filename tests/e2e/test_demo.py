"""The demo: from nothing to two live streams, and back to nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq

from .processes import Publisher, Viewer, eventually

Context = zmq.Context[zmq.Socket[bytes]]

ROOT = Path(__file__).resolve().parents[2]
CLIP_PICTURES = 80
READY_S = 60.0


class Demo:
    """The demo as `make demo` runs it, in a process group of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "deploy" / "demo.py")],
                stdout=said,
                stderr=said,
                env={**os.environ, "TMPDIR": str(folder), **ANY_PORTS, **environment},
                start_new_session=True,
            )

    @property
    def port(self) -> int:
        """The HTTP port, once it says that there is something to see."""

        def told() -> list[str]:
            assert self.process.poll() is None, self.said.read_text()
            return re.findall(r"http://127\.0\.0\.1:(\d+)\n", self.said.read_text())

        return int(eventually(told, "the demo to tell its address", READY_S)[0])

    def processes(self) -> list[int]:
        """The processes that it has started."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(READY_S)


ANY_PORTS = {
    "PARTCAST_HTTP": "127.0.0.1:0",
    "PARTCAST_BIND_FRAMES": "tcp://127.0.0.1:0",
    "PARTCAST_BIND_EVENTS": "tcp://127.0.0.1:0",
}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    if demo.process.poll() is None:
        demo.interrupt()


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_both_streams_are_live_and_an_interrupt_leaves_nothing_behind(demo: Demo) -> None:
    port = demo.port
    started = demo.processes()
    assert len(started) == 3
    pictures = [Viewer(port, f"/streams/{name}").parts(3) for name in ("pattern", "replay")]
    assert all(each.body.startswith(b"\xff\xd8") for some in pictures for each in some)
    assert demo.interrupt() == 0
    assert not any(map(exists, started))
    assert [each.name for each in demo.folder.iterdir()] == ["said"]


def test_each_viewer_gets_the_whole_clip_from_its_beginning_to_a_clean_end(demo: Demo) -> None:
    first = Viewer(demo.port, "/streams/replay")
    seen = first.parts(10)
    second = Viewer(demo.port, "/streams/replay")
    with ThreadPoolExecutor() as pool:
        rests = pool.map(Viewer.rest, (first, second))
    clips = [[each.body for each in parts] for parts in (next(rests), next(rests))]
    assert [each.body for each in seen] + clips[0] == clips[1]
    assert len(clips[1]) == CLIP_PICTURES


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        demo = Demo(tmp_path, PARTCAST_HTTP=address)
        assert demo.process.wait(READY_S) == 1
    (line,) = demo.said.read_text().splitlines()
    assert line.startswith(f"demo: partcast-streamer: http {address}: Address already in use")
    assert "PARTCAST_HTTP=127.0.0.1:8090 make demo" in line


def test_a_process_that_breaks_ends_the_demo_and_is_named(demo: Demo) -> None:
    assert demo.port
    os.kill(demo.processes()[1], signal.SIGKILL)
    assert demo.process.wait(READY_S) == 1
    assert demo.said.read_text().endswith("demo: the pattern has ended with -9\n")


def test_a_warning_of_the_streamer_is_passed_on(demo: Demo, context: Context) -> None:
    assert demo.port
    (frames,) = re.findall(r"Publish more to (\S+);", demo.said.read_text())
    publisher = Publisher(context, frames)
    publisher.wait_for(b"all/")
    publisher.send("all/cam1/", b"no picture")
    eventually(
        lambda: re.search(r"^streamer: .*WARNING.*cam1", demo.said.read_text(), re.MULTILINE),
        "the warning",
    )
