"""How many processes share the port, and how those that die are started again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
from itertools import pairwise
from multiprocessing import active_children
from multiprocessing.context import SpawnProcess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.supervisor import MOST_RESTART_S, RESTART_S, Supervisor, pause_s
from streamer.workers import number_of_workers
from tests.e2e.processes import ANY_PORT, PATIENCE_S, Command, eventually, starting


@pytest.mark.parametrize("number", [1, 2, 7])
def test_as_many_workers_as_were_asked_for(number: int) -> None:
    assert number_of_workers(Settings(workers=number)) == number


def test_auto_is_one_for_each_core_that_may_be_used() -> None:
    usable = os.sched_getaffinity(0)
    assert number_of_workers(Settings(workers="auto")) == len(usable)
    os.sched_setaffinity(0, {min(usable)})
    try:
        assert number_of_workers(Settings(workers="auto")) == 1
    finally:
        os.sched_setaffinity(0, usable)


def test_a_worker_that_cannot_start_is_tried_less_and_less_often() -> None:
    pauses = [pause_s(failures) for failures in range(10)]
    assert pauses[0] == RESTART_S
    assert all(later == min(2 * pause, MOST_RESTART_S) for pause, later in pairwise(pauses))
    assert pause_s(1_000_000) == MOST_RESTART_S


def test_a_worker_that_cannot_start_again_says_why_until_it_can(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    chain, key = certificate
    renewed = tmp_path / "key.pem"
    renewed.write_bytes(key.read_bytes())
    tls = ("--tls-cert", str(chain), "--tls-key", str(renewed))
    cannot = rf"cannot start, 'tls_cert {re.escape(str(chain))}: .*' pid=\d+ code=1: "
    with starting(tmp_path) as start:
        streamer = start.streamer("--workers", "2", *tls)
        renewed.write_text("no key")
        os.kill(_workers(streamer)[0], signal.SIGKILL)

        def pauses() -> list[str]:
            return re.findall(cannot + r"starting again in (\d+) s", streamer.said())

        eventually(lambda: pauses() == ["2", "4"], "the reason, twice")
        renewed.write_bytes(key.read_bytes())
        eventually(lambda: streamer.said().count(" started node=") == 3, "a third node")
        assert streamer.end() == 0


def test_a_signal_ends_workers_that_never_get_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    hang = f"open({str(begun)!r}, 'w').close(); time.sleep(600)"
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys, time\nif '--multiprocessing-fork' in sys.argv: {hang}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ends = ("--http", "127.0.0.1:0", "--bind-frames", ANY_PORT, "--bind-events", ANY_PORT)
    with starting(tmp_path) as start:
        streamer = start.run("streamer", "--workers", "2", *ends, ready=False)
        eventually(begun.exists, "a worker to begin")
        workers = eventually(lambda: _workers(streamer), "the workers")
        assert streamer.end() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_without_a_folder_to_meet_in_the_start_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import tempfile\ntempfile.tempdir = '/nowhere'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with starting(tmp_path) as start:
        streamer = start.run("streamer", "--workers", "2", "--http", "127.0.0.1:0", ready=False)
        assert streamer.process.wait(PATIENCE_S) == 1
        (line,) = streamer.said().splitlines()
    assert line.endswith("no folder for the workers to meet in (TMPDIR): No such file or directory")


def test_a_folder_whose_name_no_endpoint_takes_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my folder"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with starting(tmp_path) as start:
        streamer = start.run("streamer", "--workers", "2", "--http", "127.0.0.1:0", ready=False)
        assert streamer.process.wait(PATIENCE_S) == 1
        (line,) = streamer.said().splitlines()
    assert f"the workers cannot meet in {folder}/" in line
    assert "(TMPDIR)" in line


def test_a_worker_for_which_there_is_no_process_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(http="127.0.0.1:0", bind_frames=ANY_PORT, bind_events=ANY_PORT)
    refusals = [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")]
    begin = SpawnProcess.start

    def refuse_once(self: SpawnProcess) -> None:
        if refusals:
            raise refusals.pop()
        begin(self)

    async def lose_one() -> None:
        supervisor, shutdown = Supervisor(settings, tmp_path), asyncio.Event()
        try:
            assert await supervisor.start(1, shutdown)
            (first,) = active_children()
            monkeypatch.setattr(SpawnProcess, "start", refuse_once)
            first.kill()
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
                tasks.create_task(supervisor.watch(shutdown, lambda: True))
                while active_children() in ([], [first]):
                    await asyncio.sleep(0.01)
                shutdown.set()
        finally:
            await supervisor.stop()

    asyncio.run(lose_one())
    assert "'Resource temporarily unavailable': trying again in 2 s" in caplog.text


def test_a_service_without_a_process_for_its_workers_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: SpawnProcess) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(SpawnProcess, "start", refuse)
    with pytest.raises(StartError, match="a worker: Resource temporarily unavailable"):
        asyncio.run(Supervisor(Settings(), tmp_path).start(2, asyncio.Event()))


def test_a_service_whose_channels_are_not_relayed_any_more_ends(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings(), tmp_path)
    with pytest.raises(StartError, match="a proxy has ended by itself"):
        asyncio.run(supervisor.watch(asyncio.Event(), lambda: False))


@pytest.mark.parametrize("bound", [("frames",), ("events",), (), ("frames", "events")])
def test_workers_bind_only_the_channels_that_one_process_would_bind(
    tmp_path: Path, bound: tuple[str, ...]
) -> None:
    elsewhere = "tcp://127.0.0.1:9"
    ends = [
        word
        for channel in ("frames", "events")
        for word in (
            (f"--bind-{channel}", ANY_PORT)
            if channel in bound
            else (f"--connect-{channel}", elsewhere)
        )
    ]
    with starting(tmp_path) as start:
        streamer = start.run("streamer", "--workers", "2", "--http", "127.0.0.1:0", *ends)
        ports = {urlsplit(streamer.addresses[channel]).port for channel in bound}
        pid = streamer.process.pid
        eventually(lambda: _listening(pid) == ports, f"to see the ports {ports}, and no others")
        connected = {"frames", "events"} - set(bound)
        assert {streamer.addresses[channel] for channel in connected} <= {elsewhere}
        assert streamer.end() == 0


def test_workers_bind_and_connect_at_once_where_both_are_asked_for(tmp_path: Path) -> None:
    ends = [
        word
        for channel in ("frames", "events")
        for word in (f"--bind-{channel}", ANY_PORT, f"--connect-{channel}", "tcp://127.0.0.1:9")
    ]
    with starting(tmp_path) as start:
        streamer = start.run("streamer", "--workers", "2", "--http", "127.0.0.1:0", *ends)
        for channel in ("frames", "events"):
            own, other = streamer.addresses[channel].split(",")
            port = urlsplit(own).port
            eventually(lambda each=port: each in _listening(streamer.process.pid), "the port")  # type: ignore[misc]
            assert other == "tcp://127.0.0.1:9"
        assert streamer.end() == 0


def _listening(pid: int) -> set[int]:
    """Returns the TCP ports on which a process listens; while others come one may be missed."""
    held = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            held.add(str(each.readlink()))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    # State 0A is LISTEN (proc(5)).
    return {int(x[1][-4:], 16) for x in lines if x[3] == "0A" and f"socket:[{x[9]}]" in held}


def _workers(streamer: Command) -> list[int]:
    """Returns the process ids of the workers."""
    parent = streamer.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in _command_line(int(pid))]


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
