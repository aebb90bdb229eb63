"""What the kernel says of processes and of the machine: CPU time and memory."""

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
RECEIVED_FORWARDED_QUEUED = ("r", "f", "w")  # of the fields that ss calls skmem

# Fields of /proc/<pid>/stat behind the command's name, see proc_pid_stat(5).
SESSION, UTIME, STIME = 3, 11, 12


def _stat_fields(pid: int) -> list[str]:
    """Gives the fields from the third on; the second may hold blanks and parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def session_pids(session: int) -> list[int]:
    """Gives every process of a session: children too, also when their parent is gone."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if int(_stat_fields(int(entry.name))[SESSION]) == session:
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Gives the user and system time of these processes so far."""
    ticks = 0
    for pid in pids:
        fields = _stat_fields(pid)
        ticks += int(fields[UTIME]) + int(fields[STIME])
    return ticks / TICKS_PER_S


def pss_kib(pids: Iterable[int]) -> float:
    """Gives the proportional resident memory: pages shared by n processes count 1/n in each."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return float(total)


def kernel_tcp_kib(port: int) -> float:
    """Gives the kernel's memory for the connections that were accepted on a port, see ss(8)."""
    command = ["ss", "-tmnH", "state", "established", "sport", "=", f":{port}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    total = 0
    for memory in re.findall(r"skmem:\(([^)]*)\)", told):
        fields = dict(re.findall(r"([a-z]+)(\d+)", memory))
        total += sum(int(fields[kind]) for kind in RECEIVED_FORWARDED_QUEUED)
    return total / 1024


@dataclass(frozen=True)
class Spent:
    """CPU time of the whole machine up to a moment, seconds.

    Attributes:
        foreign_s: what processes used that the harness did not start and wait for.
        stolen_s: what the hypervisor gave to others.

    """

    foreign_s: float
    stolen_s: float


def machine_spent() -> Spent:
    """Gives the machine's CPU time so far; differences of two are exact once children ended."""
    user, nice, system, _, _, irq, softirq, steal = _machine_ticks()
    own = os.times()
    ours = own.user + own.system + own.children_user + own.children_system
    busy = (user + nice + system + irq + softirq) / TICKS_PER_S
    return Spent(busy - ours, steal / TICKS_PER_S)


def _machine_ticks() -> tuple[int, ...]:
    """Gives the first eight numbers of proc_stat(5)'s line for all cores."""
    first = Path("/proc/stat").read_text().partition("\n")[0]
    return tuple(map(int, first.split()[1:9]))
