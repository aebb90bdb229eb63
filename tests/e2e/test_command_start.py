"""The producer's command where its start takes for ever, or cannot be."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .processes import PATIENCE_S, eventually
from .producing import END_S, free_ports

# Enough to import and to begin with the sockets, too few to make them all.
OPEN_FILES = 14


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_its_source_takes_for_ever_to_open(
    number: int, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # A video's reader that hangs, as a file would on a file system that does.
    (tmp_path / "av.py").write_text(f"open({str(pipe)!r}).read()\n")
    (tmp_path / "clip.mp4").write_bytes(b"not looked at")
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    words = ["publish", "cam1", "clip.mp4", "--frames", frames, "--events", events]
    path = os.pathsep.join((str(tmp_path), *filter(None, sys.path)))
    with subprocess.Popen(
        [sys.executable, "-m", "producer", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        opened = eventually(lambda: opened_by_a_reader(pipe), "the source to be opened")
        assert opened is not None
        try:
            process.send_signal(number)
            assert process.wait(END_S) == 0
        finally:
            process.kill()
            os.close(opened)
        assert process.stdout is not None
        assert process.stdout.read() == ""


def opened_by_a_reader(pipe: Path) -> int | None:
    """Returns a descriptor that keeps a pipe's reader waiting; None while it has none."""
    with contextlib.suppress(OSError):  # ENXIO while nobody reads (fifo(7))
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    return None


@pytest.mark.parametrize("words", ["publish cam1 test", "stop cam1", "events"])
def test_too_many_open_files_are_said_in_one_line(words: str) -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    command = [sys.executable, "-m", "producer", *words.split(), "--frames", frames]
    done = subprocess.run(
        ["sh", "-c", f"ulimit -n {OPEN_FILES}; exec {shlex.join([*command, '--events', events])}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "partcast-producer: no connection can be made: Too many open files\n"
