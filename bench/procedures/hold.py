"""How long a server's event loop is away: seen from a small request that wants an answer."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.procedures import Effort, Row
from bench.servers import Plan, Server
from bench.trial import Group, Trial

EVERY_S = 0.004
ASK_TIMEOUT_S = 10


@dataclass(frozen=True)
class LoopHold:
    """Asks for the health page all the time while a frame goes to thousands, or a flood comes in.

    The asker shares the load's core, so its own delays are in the figure: an upper limit.
    """

    clients: int = 2000
    payload_bytes: int = 2000
    frames_per_s: float = 5

    def measure(self, server: Server, effort: Effort, earlier: Sequence[Row]) -> list[Row]:
        del earlier
        return [
            {"case": "calm", **self._row(server, 1, 0, effort)},
            {"case": "fan-out", **self._row(server, self.clients, self.frames_per_s, effort)},
            {"case": "flood", **self._row(server, 1, float("inf"), effort)},
        ]

    def _row(self, server: Server, clients: int, frames_per_s: float, effort: Effort) -> Row:
        with Trial(server, Plan(self.payload_bytes), Group(clients)) as trial:
            trial.wait_connected()
            trial.set_rate(frames_per_s)
            time.sleep(effort.settle_s)
            assert trial.running.health_path is not None
            waits_ms = ask_often(trial.running.port, trial.running.health_path, effort.window_s)
        return {
            "p50_ms": waits_ms[len(waits_ms) // 2],
            "p99_ms": waits_ms[int(len(waits_ms) * 0.99)],
            "max_ms": waits_ms[-1],
        }


def ask_often(port: int, path: str, for_s: float) -> list[float]:
    """Gives how long each answer took, sorted, in ms."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    waits_ms = []
    with socket.create_connection(("127.0.0.1", port), timeout=ASK_TIMEOUT_S) as asker:
        asker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until = time.monotonic() + for_s
        while (asked := time.monotonic()) < until:
            asker.sendall(request)
            if not asker.recv(65536):
                raise ConnectionError("the server closed the health connection")
            waits_ms.append((time.monotonic() - asked) * 1000)
            time.sleep(EVERY_S)
    return sorted(waits_ms)
