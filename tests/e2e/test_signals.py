"""A signal ends a command in good order whenever it comes, from its first line to its last."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .processes import ANY_PORT, PATIENCE_S, Starter, Viewer, eventually
from .producing import free_ports

# Importing takes a third of a second: meanwhile, about its end, and after.
MOMENTS_S = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45)
QUIET = ("--log-level", "error")
STREAMER = (*QUIET, "--http", "127.0.0.1:0", "--bind-frames", ANY_PORT, "--bind-events", ANY_PORT)
RELAY = (
    *QUIET,
    *("--producer-frames", ANY_PORT, "--producer-events", ANY_PORT),
    *("--streamer-frames", ANY_PORT, "--streamer-events", ANY_PORT),
)
MODULES = {
    "partcast-streamer": "streamer",
    "partcast-relay": "streamer.relay",
    "partcast-producer": "producer",
}
SIGNALS = [signal.SIGTERM, signal.SIGINT]


def words_of(command: str) -> list[str]:
    if command == "partcast-streamer":
        return list(STREAMER)
    if command == "partcast-relay":
        return list(RELAY)
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    return ["publish", "cam1", "test", "--frames", frames, "--events", events]


@contextmanager
def running(*words: str, path: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, and a folder of modules that it finds first."""
    with subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        env=os.environ | ({} if path is None else {"PYTHONPATH": str(path)}),
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("partcast-streamer", ()),
        ("partcast-streamer", ("--workers", "2")),
        ("partcast-relay", ()),
    ],
)
def test_a_service_goes_on_where_its_ready_line_cannot_be_written(
    command: str, more: tuple[str, ...]
) -> None:
    words = [sys.executable, "-m", MODULES[command], *words_of(command), *more]
    words[words.index("error")] = "info"
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(words, stdout=full, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        said = ""
        while "No space left on device" not in said:
            said += process.stderr.readline()
            assert process.poll() is None, said
        process.terminate()
        code, errors = ended(process)
    assert code == 0
    assert "Traceback" not in said + errors


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Returns how a process has ended, and what it said."""
    _, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, errors


class HeldUp:
    """A folder with a module that all commands need, and that takes for ever to import."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._pipe = folder / "pipe"
        self._opened: int | None = None
        os.mkfifo(self._pipe)
        # No read that blocks: a signal right before it would be heard only behind it.
        (folder / "msgpack.py").write_text(
            f"import time\nopen({str(self._pipe)!r})\nwhile True: time.sleep(0.01)\n"
        )

    def wait(self) -> None:
        """Waits until it is being imported."""
        eventually(self._is_read, "the import")

    def close(self) -> None:
        if self._opened is not None:
            os.close(self._opened)

    def _is_read(self) -> bool:
        with contextlib.suppress(OSError):  # ENXIO while nobody reads (fifo(7))
            self._opened = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        return self._opened is not None


@pytest.fixture
def held_up(tmp_path: Path) -> Iterator[HeldUp]:
    held_up = HeldUp(tmp_path)
    yield held_up
    held_up.close()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", MODULES)
def test_a_signal_while_a_command_imports_ends_it_quietly(
    command: str, number: int, held_up: HeldUp
) -> None:
    words = [sys.executable, "-m", MODULES[command], *words_of(command)]
    with running(*words, path=held_up.path) as process:
        held_up.wait()
        process.send_signal(number)
        assert ended(process) == (0, "")


def test_a_stop_that_has_not_begun_claims_nothing(held_up: HeldUp) -> None:
    with running(sys.executable, "-m", "producer", "stop", "cam1", path=held_up.path) as process:
        held_up.wait()
        process.send_signal(signal.SIGINT)
        line = "partcast-producer: interrupted: the stream may go on\n"
        assert ended(process) == (128 + signal.SIGINT, line)


@pytest.mark.parametrize("command", MODULES)
def test_the_installed_scripts_take_signals_as_early(command: str, held_up: HeldUp) -> None:
    script = Path(sys.executable).with_name(command)
    if not script.exists():
        pytest.skip(f"{command} is not installed beside {sys.executable}")
    with running(str(script), *words_of(command), path=held_up.path) as process:
        held_up.wait()
        process.send_signal(signal.SIGINT)
        assert ended(process) == (0, "")


@pytest.mark.parametrize("command", MODULES)
def test_no_moment_of_a_start_is_the_wrong_one(command: str) -> None:
    for at, moment_s in enumerate(MOMENTS_S):
        words = [sys.executable, "-m", MODULES[command], *words_of(command)]
        with running(*words) as process:
            eventually(lambda: takes(process.pid, signal.SIGTERM), "its first line")
            time.sleep(moment_s)
            process.send_signal(SIGNALS[at % 2])
            assert ended(process) == (0, ""), f"{moment_s} s after its first line"


def takes(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(each.split()[1] for each in lines if each.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_ctrl_c_while_workers_start_ends_all_of_them_quietly() -> None:
    for moment_s in MOMENTS_S[::2]:
        with running(sys.executable, "-m", "streamer", "--workers", "2", *STREAMER) as process:
            eventually(lambda: has_workers(process.pid), "the first worker")
            time.sleep(moment_s)
            os.killpg(process.pid, signal.SIGINT)
            assert ended(process) == (0, ""), f"{moment_s} s after the first worker"


def has_workers(pid: int) -> bool:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any(b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes() for each in children)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_again_and_again_changes_nothing(start: Starter, number: int) -> None:
    streamer = start.streamer(*QUIET)
    viewer = Viewer(streamer.port, "/streams/cam1")
    while streamer.process.poll() is None:
        streamer.process.send_signal(number)
        time.sleep(0.001)
    assert viewer.rest() == []
    assert (streamer.process.returncode, streamer.said()) == (0, "")
