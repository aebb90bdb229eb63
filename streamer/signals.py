"""What a signal does to a service while it does not take signals on its event loop.

Imports little: all else that a command imports comes after it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_at_once() -> None:
    """Lets SIGINT and SIGTERM end the process, with code 0, until the event loop takes them."""
    for number in SIGNALS:
        signal.signal(number, _end)


def end_once() -> None:
    """Keeps SIGINT and SIGTERM from the process, which ends already.

    To be called while the event loop still takes them: blocking leaves no gap (sigprocmask(2)).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    # Nothing is open yet, and an exception could get lost within an import.
    os._exit(0)
