"""Many viewers' sockets at once."""

from __future__ import annotations

import fcntl
import os
import termios
from array import array
from collections import deque
from collections.abc import Sequence
from itertools import repeat
from typing import Final


class Sockets:
    """Writes to many viewers' TCP sockets in one call, by their file descriptors.

    The loop over them is the interpreter's own, in C: a picture that is copied to a socket drives
    all else out of the processor's caches, and so what is done between two writes costs the less,
    the less it touches.
    """

    def __init__(self) -> None:
        self._answers: list[array[int]] = []

    def write(self, handles: Sequence[int], wire: bytes, /) -> list[int]:
        """Writes to each without waiting; returns how many bytes each took, -1 where it failed."""
        taken: list[int] = []
        while (done := len(taken)) < len(handles):
            try:
                # What was taken before an error stays in the list: the loop goes on behind it.
                taken.extend(map(os.write, handles[done:] if done else handles, repeat(wire)))
            except BlockingIOError:
                taken.append(0)
            except OSError:
                taken.append(-1)
        return taken

    def unacknowledged(self, handles: Sequence[int], /) -> list[int]:
        """Returns the bytes that each has taken and its peer's system has not acknowledged."""
        answers = self._answers
        while len(answers) < len(handles):
            answers.append(array("i", [0]))
        # SIOCOUTQ by its other name. Into an array each, because `ioctl` refuses a shared
        # constant with an exception of its own before it copies it.
        deque(map(fcntl.ioctl, handles, repeat(termios.TIOCOUTQ), answers), maxlen=0)
        return [answer[0] for answer, _ in zip(answers, handles, strict=False)]


SOCKETS: Final = Sockets()
