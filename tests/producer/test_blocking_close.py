"""A `Producer` that is closed while it is being closed."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import pytest

from producer import Producer
from producer.channels import LINGER_S
from producer.thread_driver import CLOSED_WITHIN_S
from tests.e2e.processes import PATIENCE_S

from .fake_streamer import Context, FakeStreamer

FRAMES = 80
SCRIPT = f"""
import sys, threading, time
from producer import Producer
producer = Producer(*sys.argv[1:3])
assert producer.publish('cam1', b'x')
for _ in range({FRAMES}): assert producer.publish('cam1', bytes(100_000))
threading.Thread(target=producer.close, daemon=True).start()
while not producer._driver.closing: time.sleep(0.001)
print('closing', flush=True)
exec(sys.argv[3])
"""


@pytest.mark.parametrize("last", ["producer.close()", "pass"])
def test_what_was_published_leaves_though_a_daemon_thread_closes(
    last: str, context: Context
) -> None:
    streamer = FakeStreamer(context, receive_hwm=1)
    streamer.subscribe()
    words = [sys.executable, "-c", SCRIPT, *streamer.addresses, last]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as script:
        try:
            streamer.wait_for(1)  # and nothing more is read until the script is at its end
            assert script.stdout is not None
            assert script.stdout.readline() == "closing\n"
            with suppress(subprocess.TimeoutExpired):  # not before its frames have left
                script.wait(LINGER_S / 4)
            assert len(streamer.wait_for(1 + FRAMES)) == 1 + FRAMES
            assert script.wait(PATIENCE_S) == 0
        finally:
            script.kill()


def test_a_close_within_a_close_as_of_a_signal_does_not_wait_for_itself(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = producer._core.close

    def broken_into() -> None:
        producer.close()
        close()

    monkeypatch.setattr(producer._core, "close", broken_into)
    began = time.monotonic()
    producer.close()
    assert time.monotonic() - began < CLOSED_WITHIN_S
