"""Work that blocks, done beside the event loop, and left where it does not end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Returns, or raises, what work does in a thread of its own.

    Who is cancelled does not wait for it, and neither does the end of the process, as it would
    with `asyncio.to_thread`: a file system that hangs cannot be interrupted.
    """
    done: Future[T] = Future()
    threading.Thread(target=_do, args=(work, done), name="partcast-aside", daemon=True).start()
    return await asyncio.wrap_future(done)


def _do(work: Callable[[], T], done: Future[T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised where the work is waited for
        done.set_exception(error)
    else:
        done.set_result(result)
