"""What `partcast-producer events` shows."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .processes import PATIENCE_S, Command, Starter, Viewer
from .producing import (
    END_S,
    ends_of,
    streamer_of,
)


@contextmanager
def following(streamer: Command, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "producer", "events", *arguments, *ends_of(streamer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # what is read is no more than what was asked for
        env={name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(process: subprocess.Popen[bytes], **wanted: Any) -> list[dict[str, Any]]:
    """Reads lines up to one that has what is wanted; returns them all."""
    assert process.stdout is not None
    read: list[dict[str, Any]] = []
    while not read or not wanted.items() <= read[-1].items():
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], f"{wanted} after {read}"
        line = process.stdout.readline()
        assert line, "the events ended"
        read.append(json.loads(line))
    return read


def test_events_are_lines_of_json(start: Starter) -> None:
    streamer = streamer_of(start)
    with following(streamer) as process:
        until(process, type="heartbeat")
        viewer = Viewer(streamer.port, "/streams/cam1?from=3")
        opened = until(process, type="new_connection")[-1]
        assert (opened["stream"], opened["query"], opened["connections"]) == (
            "cam1", {"from": "3"}, 1,
        )  # fmt: skip
        assert opened["client"].startswith(opened["node"] + "-")
        assert isinstance(opened["seq"], int)
        assert abs(opened["time"] / 1e9 - time.time()) < 60
        viewer.close()
        closed = until(process, type="no_connection")[-2:]
        assert [each["type"] for each in closed] == ["closed_connection", "no_connection"]
        assert closed[0]["reason"] == "client"
        streamer.end()
        until(process, type="goodbye", node=opened["node"])
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == 0


def test_events_of_one_stream_are_of_no_other(start: Starter) -> None:
    streamer = streamer_of(start)
    Viewer(streamer.port, "/streams/cam1")
    with following(streamer, "cam1") as process:
        (snapshot,) = until(process, type="snapshot")
        assert (snapshot["stream"], snapshot["connections"]) == ("cam1", 1)
        Viewer(streamer.port, "/streams/cam2")
        Viewer(streamer.port, "/streams/cam1")
        seen = until(process, type="new_connection")
        assert {each["stream"] for each in seen} == {"cam1"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 0


def test_clients_of_a_streamer_that_vanished_are_shown_as_lost(start: Starter) -> None:
    streamer = streamer_of(start, "--heartbeat-interval-s", "0.2")
    with following(streamer) as process:
        until(process, type="heartbeat")
        Viewer(streamer.port, "/streams/cam1")
        opened = until(process, type="new_connection")[-1]
        streamer.end(signal.SIGKILL)
        closed = until(process, type="no_connection", stream="cam1")[-2:]
        assert closed[0] | {"time": 0} == {
            **dict.fromkeys(("connections", "parts", "bytes", "skipped", "repeats", "time"), 0),
            "type": "closed_connection",
            "node": opened["node"],
            "stream": "cam1",
            "client": opened["client"],
            "reason": "lost",
            "duration": 0.0,
            "seq": None,
        }
        assert closed[1]["node"] == opened["node"]


def test_a_reader_of_events_may_leave(start: Starter) -> None:
    streamer = streamer_of(start, "--heartbeat-interval-s", "0.1")
    with following(streamer) as process:
        until(process, type="heartbeat")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == b""
