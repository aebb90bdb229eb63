"""Runs a program and measures how long its event loop is away: `python -m bench.held <module> ...`.

Between two looks at its sockets a loop runs callbacks, and nobody else is served. Answers `mark`
on standard input with `held {"turns": ..., "p99_ms": ..., "max_ms": ...}` since the mark before.
The program's own output and arguments are as ever.
"""

import asyncio
import json
import os
import runpy
import selectors
import sys
import threading
import time
from typing import Any

KEPT_TURNS = 1_000_000  # beyond these a window would be too long anyway


class Turns:
    """How long each turn of the loop took, the one under way included."""

    def __init__(self) -> None:
        self._held_s: list[float] = []
        self._since: float | None = None

    def begin(self) -> None:
        self._since = time.monotonic()

    def end(self) -> None:
        if self._since is not None and len(self._held_s) < KEPT_TURNS:
            self._held_s.append(time.monotonic() - self._since)
        self._since = None

    def take(self) -> dict[str, float]:
        """Gives what was noted since the last time."""
        held_s, self._held_s = self._held_s, []
        since = self._since
        under_way_s = 0.0 if since is None else time.monotonic() - since
        held_s = sorted([*held_s, under_way_s])
        p99_s = held_s[int(len(held_s) * 0.99)]
        return {"turns": len(held_s), "p99_ms": p99_s * 1000, "max_ms": held_s[-1] * 1000}


class TimedSelector(selectors.EpollSelector):
    """Says when the loop goes to work and when it comes back."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def select(self, timeout: float | None = None) -> Any:
        self._turns.end()
        ready = super().select(timeout)
        self._turns.begin()
        return ready


class TimedPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes loops that are timed."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(TimedSelector(self._turns))


def answer(turns: Turns) -> None:
    for line in sys.stdin:
        if line.strip() == "mark":
            os.write(1, f"held {json.dumps(turns.take())}\n".encode())


def main() -> None:
    turns = Turns()
    asyncio.set_event_loop_policy(TimedPolicy(turns))
    threading.Thread(target=answer, args=(turns,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
