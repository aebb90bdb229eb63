"""Standard output and standard error that are full, closed, or left by their reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from producer.command.errors import CommandError

UNWRITABLE: Final = "standard output cannot be written"


@contextmanager
def writing(out: TextIO) -> Iterator[None]:
    """Takes what is wrong with `out` for the end of the command.

    Raises:
        BrokenPipeError: its reader has seen enough.
        CommandError: it cannot be written for another reason.

    """
    try:
        yield
    except OSError as error:
        # What could not be written stays with it, and would be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise CommandError(f"{UNWRITABLE}: {error.strerror}") from error
