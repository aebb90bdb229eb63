"""The producer's command while nobody reads what it writes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.producer.fake_streamer import Context, FakeStreamer

from .processes import PATIENCE_S, Starter, eventually
from .producing import END_S, clip, ends_of, frames_of, streamer_of


def test_pictures_are_shown_where_nobody_reads_the_ready_line(
    start: Starter, tmp_path: Path
) -> None:
    streamer = streamer_of(start)
    words = ["publish", "cam1", clip(tmp_path, 3), "--always", *ends_of(streamer)]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "producer", *words],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == 0
    assert frames_of(streamer) == 3
    assert "WARNING producer standard output: Broken pipe\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_events_that_nobody_reads_and_cuts_no_line(
    number: int, context: Context
) -> None:
    streamer = FakeStreamer(context)
    words = ["events", "--frames", streamer.frames_at, "--events", streamer.events_at]
    read, write = os.pipe()
    with (
        os.fdopen(read) as reader,
        os.fdopen(write) as writer,
        subprocess.Popen([sys.executable, "-m", "producer", *words], stdout=writer) as process,
    ):
        try:
            streamer.wait_for_question("event/")
            for count in range(2000):
                streamer.credit("cam1", "aaaa-1", count)
            eventually(lambda: (streamer.look(), is_full(write))[1], "the pipe to be full")
            process.send_signal(number)
            assert process.wait(END_S) == 0
        finally:
            process.kill()
        writer.close()
        numbers = [json.loads(line)["seq"] for line in reader]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 100 < len(numbers) < 2000


def is_full(pipe: int) -> bool:
    return not select.select([], [pipe], [], 0)[1]
