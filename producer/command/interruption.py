"""What a signal does to the command while it does not take signals on its event loop.

Imports little: all else that the command imports comes after it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_at_once() -> None:
    """Lets SIGINT and SIGTERM end the process, until the event loop takes them."""
    for number in SIGNALS:
        signal.signal(number, _end)


def end_once() -> None:
    """Keeps SIGINT and SIGTERM from the process, which ends already.

    To be called while the event loop still takes them: blocking leaves no gap (sigprocmask(2)).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def exit_code(number: int) -> int:
    """Returns what the command exits with after a signal.

    What goes on until it is told to end has done its work: 0. `stop` may not have: it says so, and
    exits with 128 and the signal's number, as from a shell.
    """
    if sys.argv[1:2] != ["stop"]:
        return 0
    say("partcast-producer: interrupted: the stream may go on\n")
    return 128 + number


def say(text: str) -> None:
    """Writes to standard error, if it can be: one that is full or closed changes nothing else."""
    if sys.stderr is not None:  # it is where it was closed before the start
        with suppress(OSError):
            os.write(sys.stderr.fileno(), text.encode(errors="backslashreplace"))


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    # Nothing is open yet, and an exception could get lost within an import.
    os._exit(exit_code(number))
