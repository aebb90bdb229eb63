"""Work that blocks, beside the event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from producer.command.aside import aside
from tests.e2e.processes import PATIENCE_S, eventually


def test_what_the_work_returns_is_returned_and_the_event_loop_goes_on_meanwhile() -> None:
    turns = threading.Event()

    async def run() -> bool:
        task = asyncio.create_task(aside(lambda: turns.wait(PATIENCE_S)))
        await asyncio.sleep(0.01)
        turns.set()
        return await task

    assert asyncio.run(run())


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(aside(lambda: 1 // 0))


def test_work_that_is_left_holds_up_no_end_and_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    go_on = threading.Event()

    async def run() -> None:
        async with asyncio.timeout(0.05):
            await aside(lambda: go_on.wait(PATIENCE_S))

    threads = threading.active_count()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert time.monotonic() - began < PATIENCE_S / 2
    go_on.set()
    eventually(lambda: threading.active_count() == threads, "the thread to end")
    assert complaints == []
