"""How long a server's event loop is away, and how long a small request waits for its answer."""

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cores import UnavailableError
from bench.procedures import START_S, Effort, Row
from bench.procedures.steady import Load
from bench.servers import Plan, Running, Server
from bench.trial import Group, Trial

EVERY_S = 0.004
ASK_TIMEOUT_S = 10
ANSWER_BYTES = 65536
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the answer's control message has the same number
TIMESPEC = struct.Struct("@qq")


@dataclass(frozen=True)
class LoopHold:
    """Asks for the health page all the time while frames go to many, or a flood comes in.

    The system stamps each answer's arrival, so that the asker's own delays on the load's busy
    core are not in the figure. An answer takes several turns of the loop; where the server is
    Python, the turns themselves are timed too.
    """

    cases: tuple[Load, ...] = (
        Load("calm", 2_000, 1, 0),
        Load("fan-out", 2_000, 2_000, 5),
        Load("fan-out of 200 KB", 200_000, 200, 5),
        Load("flood", 2_000, 1, float("inf")),
    )

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row], /) -> list[Row]:
        del earlier
        return [self._row(server, load, effort) for load in self.cases]

    def estimate_s(self, effort: Effort, /) -> float:
        return len(self.cases) * (START_S + effort.settle_s + effort.window_s)

    def _row(self, server: Server, load: Load, effort: Effort) -> Row:
        plan = Plan(load.payload_bytes, timed_loop=True)
        with Trial(server, plan, Group(load.clients)) as trial:
            if trial.running.health_path is None:
                raise UnavailableError("has no small request to ask for")
            trial.wait_connected()
            trial.set_rate(load.frames_per_s)
            time.sleep(effort.settle_s)
            take_turns(trial.running)
            waits_ms = ask_often(trial.running.port, trial.running.health_path, effort.window_s)
            turns = take_turns(trial.running)
        return {
            "case": load.case,
            "hold_p99_ms": turns.get("p99_ms"),
            "hold_max_ms": turns.get("max_ms"),
            "answer_p50_ms": waits_ms[len(waits_ms) // 2],
            "answer_p99_ms": waits_ms[int(len(waits_ms) * 0.99)],
            "answer_max_ms": waits_ms[-1],
            "asked": len(waits_ms),
        }


def take_turns(running: Running) -> dict[str, float]:
    """Gives how long the loop's turns took since the last time; nothing where nobody knows."""
    if running.timed is None:
        return {}
    turns: dict[str, float] = json.loads(running.timed.ask("mark").removeprefix("held "))
    return turns


def ask_often(port: int, path: str, for_s: float) -> list[float]:
    """Gives how long each answer took, sorted, in ms; one that never came counts as the limit."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    waits_ms = []
    with socket.create_connection(("127.0.0.1", port), timeout=ASK_TIMEOUT_S) as asker:
        asker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asker.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        until = time.monotonic() + for_s
        while time.monotonic() < until:
            asked_ns = time.time_ns()
            asker.sendall(request)
            try:
                waits_ms.append((_answered_ns(asker) - asked_ns) / 1e6)
            except TimeoutError:
                waits_ms.append(ASK_TIMEOUT_S * 1e3)
                break
            time.sleep(EVERY_S)
    return sorted(waits_ms)


def _answered_ns(asker: socket.socket) -> int:
    """Reads an answer; gives when its last bytes came, Unix ns."""
    answer, control, _, _ = asker.recvmsg(ANSWER_BYTES, socket.CMSG_SPACE(TIMESPEC.size))
    if not answer:
        raise ConnectionError("the server closed the health connection")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack(data[: TIMESPEC.size])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
