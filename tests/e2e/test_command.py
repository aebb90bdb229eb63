"""The producer's command as its users see it: how it starts, stops streams, and ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shlex
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from .processes import PATIENCE_S, Events, Publisher, Starter, Viewer, eventually, jpeg
from .producing import (
    END_S,
    clip,
    ends_of,
    frames_of,
    free_ports,
    publish,
    run,
    streamer_of,
)

Context = zmq.Context[zmq.Socket[bytes]]


def test_stop_ends_a_stream_for_all_its_clients(start: Starter) -> None:
    streamer = streamer_of(start)
    viewers = [Viewer(streamer.port, "/streams/cam1") for _ in range(2)]
    other = Viewer(streamer.port, "/streams/cam2")
    done = run("stop", "cam1", *ends_of(streamer))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for viewer in viewers:
        assert viewer.rest() == []
    assert streamer.streams()["cam2"]["connections"] == 1
    other.close()


def test_stop_can_end_one_client(start: Starter, context: Context) -> None:
    streamer = streamer_of(start)
    events = Events(context, streamer.addresses["events"])
    viewer = Viewer(streamer.port, "/streams/cam1")
    (opened,) = events.wait_for(type="new_connection")
    Viewer(streamer.port, "/streams/cam1")
    events.wait_for(2, type="new_connection")
    done = run("stop", "cam1", "--client", opened["client"], *ends_of(streamer))
    assert done.returncode == 0, done.stderr
    assert viewer.rest() == []
    (closed,) = events.wait_for(type="closed_connection")
    assert (closed["client"], closed["reason"], closed["connections"]) == (
        opened["client"], "stop", 1,
    )  # fmt: skip


def test_stop_fails_where_no_streamer_takes_it() -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    done = run("stop", "cam1", "--frames", frames, "--events", events)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"partcast-producer: no streamer takes messages at {frames}: nothing is stopped"
    )
    assert "Traceback" not in done.stderr


def test_stop_says_that_no_streamer_takes_the_stream(start: Starter) -> None:
    streamer = start.streamer("--allow-streams", "cam*")
    done = run("stop", "door", *ends_of(streamer))
    assert done.returncode == 1
    where = f"no streamer at {streamer.addresses['frames']} takes door"
    assert done.stderr == f"partcast-producer: {where}: nothing is stopped\n"


def test_stop_lets_the_part_under_way_come_to_its_end(start: Starter, context: Context) -> None:
    streamer = streamer_of(start, overload="queue")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    viewer = Viewer(streamer.port, "/streams/cam1", receive_buffer=4096)
    for number in range(2):
        publisher.send("all/cam1/", jpeg(number, 6_000_000))
    eventually(lambda: frames_of(streamer) == 2, "the frames")
    assert run("stop", "cam1", *ends_of(streamer)).returncode == 0
    (under_way,) = viewer.rest()
    assert under_way.body == jpeg(0, 6_000_000)


def test_stop_finds_a_streamer_that_comes_a_little_late(context: Context) -> None:
    with stopping() as (process, frames), context.socket(zmq.SUB) as streamer:
        streamer.subscribe(b"all/")
        streamer.bind(frames)
        assert streamer.poll(int(PATIENCE_S * 1000))
        assert streamer.recv_multipart()[0] == b"all/cam1/"
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_is_interrupted_claims_nothing(number: int) -> None:
    with stopping() as (process, _):
        process.send_signal(number)
        assert process.stderr is not None
        assert process.stderr.read() == "partcast-producer: interrupted: the stream may go on\n"
        assert process.wait(PATIENCE_S) == 128 + number


@contextmanager
def stopping() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`stop cam1` while it waits for a streamer, and the endpoint where it does."""
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    words = [sys.executable, "-m", "producer", "stop", "cam1"]
    ends = ["--frames", frames, "--events", events]
    with subprocess.Popen([*words, *ends], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert f"no streamer takes frames at {frames}: waiting" in process.stderr.readline()
            yield process, frames
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["publish", "cam1"], 2, "SOURCE"),
        (["publish", "cam1", "test", "--fps", "0"], 2, "fps must be 0.001 to 240, not 0"),
        (["publish", "cam1", "test", "--frames", "tcp://nowhere"], 2, "tcp://nowhere"),
        (["events", "--events", "tcp://nowhere"], 2, "tcp://nowhere"),
        (["publish", "cam1", "no-such-file.mp4"], 1, "there is no 'no-such-file.mp4'"),
        (["publish", "cam1", "webcam:999"], 1, "there is no webcam"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(
    arguments: list[str], code: int, words: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("partcast-producer: ")
    assert words in line


def test_a_full_standard_output_is_said_in_one_line(start: Starter) -> None:
    streamer = streamer_of(start)
    for words in (["publish", "cam1", "test"], ["events"]):
        done = in_shell(">/dev/full", *words, *ends_of(streamer))
        assert done.returncode == 1
        assert done.stderr == (
            "partcast-producer: standard output cannot be written: No space left on device\n"
        )


def test_a_closed_standard_input_is_said_in_one_line() -> None:
    done = in_shell("<&-", "publish", "cam1", "-")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("partcast-producer: standard input is closed; pipe in what ")


def test_events_need_a_standard_output() -> None:
    done = in_shell(">&-", "events")
    assert done.returncode == 1
    assert done.stderr == "partcast-producer: standard output cannot be written: it is closed\n"


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
def test_a_standard_error_that_takes_nothing_changes_no_exit_code(
    stderr: str, start: Starter, tmp_path: Path
) -> None:
    streamer = streamer_of(start)
    words = ["publish", "cam1", clip(tmp_path, 2), "--always", *ends_of(streamer)]
    assert in_shell(stderr, *words).returncode == 0
    assert in_shell(stderr, "publish", "cam1", "nothing-here").returncode == 1
    assert in_shell(stderr, "publish", "cam1").returncode == 2


def in_shell(redirection: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with its standard streams as a shell can make them."""
    command = shlex.join([sys.executable, "-m", "producer", *words])
    return subprocess.run(
        ["sh", "-c", f"exec {command} {redirection}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number: int, start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start, overload="queue")
    waiting = publish(start, streamer, "cam1", "test")
    showing = publish(start, streamer, "cam2", "test")
    replaying = publish(
        start, streamer, "clip", clip(tmp_path, 3), "--fps", "2", "--loop", "--per-client"
    )
    Viewer(streamer.port, "/streams/cam2").parts(1)
    viewer = Viewer(streamer.port, "/streams/clip")
    viewer.parts(1)
    for command in (waiting, showing, replaying):
        assert command.end(number, END_S) == 0
        assert "Traceback" not in command.said()
    # Nobody goes on with a replay, so it ends; a shared stream may be taken up by another.
    viewer.rest()
    assert streamer.streams()["cam2"]["connections"] == 1


def test_a_signal_ends_it_while_there_is_no_streamer(start: Starter, tmp_path: Path) -> None:
    frames, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    ends = ("--frames", frames, "--events", events)
    for source in ("test", clip(tmp_path, 5)):
        producer = start.run("producer", "publish", "cam1", source, "--always", *ends)
        assert producer.end(signal.SIGINT, END_S) == 0


def test_a_clip_shows_a_progress_bar_on_a_terminal_only(start: Starter, tmp_path: Path) -> None:
    streamer = streamer_of(start)
    words = ["publish", "cam1", clip(tmp_path, 8), "--fps", "20", "--always", *ends_of(streamer)]
    assert "%|" not in run(*words).stderr
    with on_terminal(*words) as (process, leader):
        shown = read_terminal(leader)
        assert process.wait(PATIENCE_S) == 0
    assert "cam1: 100%|" in shown
    assert "8/8" in shown


def test_what_has_no_end_has_no_progress_bar(start: Starter) -> None:
    streamer = streamer_of(start)
    with on_terminal("publish", "cam1", "test", "--always", *ends_of(streamer)) as started:
        process, leader = started
        eventually(lambda: streamer.streams().get("cam1", {"frames": 0})["frames"] > 3, "pictures")
        process.send_signal(signal.SIGTERM)
        assert "frames/s" not in read_terminal(leader)
        assert process.wait(PATIENCE_S) == 0


@contextmanager
def on_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command whose standard error is a terminal of 24 lines and 80 columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    words = [sys.executable, "-m", "producer", *arguments]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=follower) as process:
        os.close(follower)
        try:
            yield process, leader
        finally:
            os.close(leader)
            if process.poll() is None:
                process.kill()


def read_terminal(leader: int) -> str:
    """Reads what is written to a terminal until nobody writes to it any more."""
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the last writer has left
        while portion := os.read(leader, 65536):
            shown += portion
    return shown.decode()
