"""A source on the event loop: its pictures are read in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

from producer.sources import Picture, Source


async def read(source: Source) -> AsyncGenerator[Picture, None]:
    """Yields the pictures of a fresh run, read one by one; to be closed by who leaves early.

    Raises:
        SourceError: the source cannot be used (any more).

    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    run = source.pictures(stop)
    # One thread, so that closing a run waits for the read that is under way.
    with ThreadPoolExecutor(1, "partcast-reader") as thread:
        try:
            while (picture := await loop.run_in_executor(thread, next, run, None)) is not None:
                yield picture
        finally:
            stop.set()
            await loop.run_in_executor(thread, run.close)
