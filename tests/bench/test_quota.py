"""The kernel holds processes to their share of a core."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.accounting import cpu_s
from bench.quota import CONTROLLER, Quota, missing_quota
from tests.e2e.processes import eventually

needed = missing_quota()
pytestmark = pytest.mark.skipif(needed is not None, reason=f"needs {needed}")
BUSY = "while True: pass"


def test_each_process_has_its_share_and_nothing_is_left_behind() -> None:
    before = _groups()
    with Quota(0.2, 2) as quota:
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(3)]
        try:
            quota.hold([each.pid for each in busy[:2]], [busy[2].pid])
            group, other = (Path(f"/proc/{each.pid}/cgroup") for each in busy[:2])
            assert group.read_text() != other.read_text()
            began, spent = time.monotonic(), [cpu_s([each.pid]) for each in busy]
            eventually(lambda: cpu_s([busy[0].pid]) - spent[0] >= 0.2, "a fifth of a second's work")
            used = [cpu_s([each.pid]) - was for each, was in zip(busy, spent, strict=True)]
            elapsed = time.monotonic() - began
        finally:
            for each in busy:
                each.kill()
                each.wait()
    assert all(each < 0.3 * elapsed for each in used[:2])
    assert sum(used) < 0.6 * elapsed
    assert _groups() == before


def _groups() -> set[Path]:
    return set(CONTROLLER.glob("partcast-bench-*"))
