"""A share of a core for some processes, kept by the kernel: CFS bandwidth control, cgroups(7).

With a share for each worker, two of them can be compared with one where there are not enough
cores for both and their load.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

CONTROLLER = Path("/sys/fs/cgroup/cpu")
# Short, so that a process which has used up its share does not pause for long, us.
PERIOD_US = 10_000
EMPTY_TIMEOUT_S = 5


def missing_quota() -> str | None:
    """Says what is needed where no process can be held to a share."""
    if os.access(CONTROLLER / "tasks", os.W_OK):
        return None
    return f"the cpu controller of cgroups v1 at {CONTROLLER}, and the right to write there"


class Quota:
    """Groups of processes with a share of a core each, as a context that outlives them.

    Args:
        share: of a core, for each of the groups.
        groups: how many there are.

    """

    def __init__(self, share: float, groups: int) -> None:
        self._all = CONTROLLER / f"partcast-bench-{os.getpid()}-{time.monotonic_ns()}"
        self._groups = [self._all / str(number) for number in range(groups)]
        self._share = share

    def __enter__(self) -> Self:
        _make(self._all, self._share * len(self._groups))
        for group in self._groups:
            _make(group, self._share)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for group in (*self._groups, self._all):
            _remove(group)

    def hold(self, leaders: Iterable[int], others: Iterable[int]) -> None:
        """Puts a process into each group, and others where only the sum of all shares holds."""
        for pid, group in zip(leaders, self._groups, strict=True):
            _put(pid, group)
        for pid in others:
            _put(pid, self._all)


def _make(group: Path, share: float) -> None:
    group.mkdir()
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(round(share * PERIOD_US)))


def _put(pid: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(pid))


def _remove(group: Path) -> None:
    """Removes a group; a process that has just ended may still be counted."""
    deadline = time.monotonic() + EMPTY_TIMEOUT_S
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
