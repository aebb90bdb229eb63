"""A process the harness started ends with it, with all that it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cores import usable_cores
from bench.process import Child, ChildError

PATIENCE_S = 20.0
SLEEPS = "import time; print('ready', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def start(folder: Path, program: str) -> Child:
    return Child([sys.executable, "-c", program], cores=usable_cores(), log=folder / "log")


def test_children_of_a_child_end_with_it(tmp_path: Path) -> None:
    with start(tmp_path, PARENT) as child:
        child.read_until("ready", PATIENCE_S)
        pids = child.pids
        assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def test_a_child_that_ignores_being_asked_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.process.STOP_TIMEOUT_S", 0.2)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
    with start(tmp_path, deaf) as child:
        child.read_until("ready", PATIENCE_S)
        [pid] = child.pids
    assert is_gone(pid)


def test_a_killed_harness_takes_its_children_with_it(tmp_path: Path) -> None:
    harness = (
        "import sys, pathlib\n"
        "from bench.process import Child\n"
        f"child = Child([sys.executable, '-c', {SLEEPS!r}], cores={usable_cores()!r},"
        f" log=pathlib.Path({str(tmp_path / 'log')!r}))\n"
        f"child.read_until('ready', {PATIENCE_S})\n"
        "print(child.pids[0], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", harness], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: is_gone(pid))


def test_what_a_child_said_before_it_ended_is_told(tmp_path: Path) -> None:
    with (
        start(tmp_path, "import sys; sys.exit('no such option')") as child,
        pytest.raises(ChildError, match="ended\nno such option"),
    ):
        child.read_line(PATIENCE_S)


def test_a_child_that_nobody_listens_to_may_say_as_much_as_it_likes(tmp_path: Path) -> None:
    talks = "print('x' * 1_000_000, flush=True); open('said', 'w').close()"
    command = [sys.executable, "-c", talks]
    log = tmp_path / "log"
    with Child(command, cores=usable_cores(), log=log, speaks=False, cwd=tmp_path):
        until((tmp_path / "said").exists)
    assert log.stat().st_size > 1_000_000
