"""Standard output and standard error that are full, closed, or left by their reader."""

from __future__ import annotations

import asyncio
import os
import select
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


class Writer:
    """Writes lines to a file descriptor and keeps the event loop going while nobody reads them.

    The descriptor stays a blocking one: others may share it, and would not expect anything else.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    async def write(self, lines: str) -> None:
        """Writes lines; who is cancelled has cut none of them that fits into `PIPE_BUF` bytes.

        Raises:
            OSError: they cannot be written.

        """
        left, begin = lines.encode(), 0
        while begin < len(left):
            # A file is always writable, and the event loop takes none.
            while not self._poll.poll(0):
                await self._writable()
            # What is writable takes so many bytes at once (pipe(7)).
            limit = begin + select.PIPE_BUF
            end = left.rfind(b"\n", begin, limit) + 1 or limit
            begin += os.write(self._descriptor, left[begin:end])

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        writable = asyncio.Event()
        loop.add_writer(self._descriptor, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(self._descriptor)
