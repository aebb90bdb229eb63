"""A process the harness started: pinned, spoken to in lines, and ended for certain."""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.accounting import session_pids

STOP_TIMEOUT_S = 6  # one second more than a streamer may take to end its clients
ANSWER_TIMEOUT_S = 30  # a load client with 5,000 busy sockets answers late, not never
LOG_TAIL_BYTES = 2000


class ChildError(RuntimeError):
    """A process did not start, did not answer or went away."""


class Child:
    """One command in a session of its own, so that its children are known and ended with it.

    What it says is read line by line, or goes to its log: a pipe that nobody reads would stop it
    once it is full.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cores: Sequence[int],
        log: Path,
        speaks: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._command = command
        self._log = log
        # A harness that is killed takes its children with it.
        leashed = ["setpriv", "--pdeathsig", "TERM", *command]
        pinned = ["taskset", "-c", ",".join(map(str, cores)), *leashed]
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                pinned,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if speaks else stderr,
                stderr=stderr,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        return session_pids(self._process.pid)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildError(self._story(f"was gone before {line!r}")) from None

    def ask(self, line: str) -> str:
        """Says one line and gives the line that answers it."""
        self.tell(line)
        return self.read_line(ANSWER_TIMEOUT_S)

    def read_line(self, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            self._unread += self._read_some(deadline - time.monotonic())
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode().rstrip("\r")

    def read_until(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """Reads lines up to the one that says the process is ready."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = re.search(pattern, self.read_line(deadline - time.monotonic()))
            if found:
                return found

    def stop(self) -> None:
        """Asks its whole session to end, then ends what is left."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline and self._alive():
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _alive(self) -> bool:
        self._process.poll()  # reaps it, so that it leaves the list
        return bool(self.pids)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _read_some(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(max(timeout_s, 0)):
                raise ChildError(self._story("did not answer in time"))
        data = os.read(self._process.stdout.fileno(), 1 << 20)
        if not data:
            raise ChildError(self._story("ended"))
        return data

    def _story(self, what: str) -> str:
        tail = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        return f"{' '.join(self._command)} {what}\n{tail}".rstrip()
