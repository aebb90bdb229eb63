"""What 1, 2 and 4 nodes on this machine do, beside what the model says they do."""

import contextlib
import math
import os
import random
import select
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from bench.cores import usable_cores
from bench.model.inputs import Inputs
from bench.model.tables import table
from bench.model.workload import Workload
from bench.process import ChildError
from bench.servers import Plan, Running
from bench.servers.partcast import Partcast
from bench.stamp import MIN_BYTES
from bench.trial import Group, Trial
from producer import Producer

NODES = (1, 2, 4)
LOAD = Workload(viewers=400, streams=1)
SETTLE_S = 2.0
WINDOW_S = 6.0
KILLS = 5  # of a node, each of a fresh service
SILENT_VIEWERS = 100  # while a node is killed
ALL_TOLD_S = 0.1  # between the first and the last viewer that hears of it
PATIENCE_S = 20.0
VIEWER_CPU_US = 6.0  # what the load client takes for a part: it shares the cores
STREAM = "s0"


@dataclass(frozen=True)
class Seen:
    """What some nodes did, or were said to do.

    Attributes:
        core: CPU of relay and nodes, cores.
        median_ms: age of a part that arrives, of half the parts at most.
        late_ms: of 99 % at most.
        delivered: share of the parts that arrived whole.
        missed_s: time from the loss of a node to a right count.

    """

    core: float
    median_ms: float
    late_ms: float
    delivered: float
    missed_s: float


def predict(inputs: Inputs, nodes: int, cores: int) -> Seen:
    """Gives what the model says of a relay and so many nodes that share the cores."""
    frames, size = LOAD.frames_per_s, LOAD.payload_bytes
    part_us = inputs.part_cpu.at(size) * inputs.cold.value
    relay_us = inputs.relay_cpu.at(size) / 2 * (1 + nodes)
    intake_us = inputs.intake_cpu.at(size)
    processes = nodes + (nodes > 1)  # with several there is a supervisor
    idle = processes * inputs.idle_core.value
    core = idle + (LOAD.viewers * part_us + nodes * intake_us + relay_us) * frames / 1e6
    # Nodes write at the same time as far as there are cores; the viewers read on these too.
    together = max(part_us / min(nodes, cores), (part_us + VIEWER_CPU_US) / cores)
    before_ms = (relay_us + intake_us * math.ceil(nodes / cores)) / 1e3
    fan_out_ms = LOAD.viewers * together / 1e3
    interval_s = inputs.heartbeat.value
    return Seen(
        core=core,
        median_ms=before_ms + fan_out_ms / 2,
        late_ms=before_ms + fan_out_ms * 0.99,
        delivered=1.0,
        missed_s=(inputs.missed.value - 0.5) * interval_s + inputs.poll.value / 2,
    )


def measure(nodes: int) -> Seen:
    """Gives what a relay and so many nodes do on all cores of this machine."""
    server = Partcast(f"{nodes} nodes", workers=nodes, relayed=True)
    with Trial(server, Plan(LOAD.payload_bytes), Group(LOAD.viewers), pinned=False) as trial:
        trial.wait_connected()
        trial.set_rate(LOAD.frames_per_s)
        time.sleep(SETTLE_S)
        window = trial.window(WINDOW_S)
    return Seen(
        core=window.server_core_use,
        median_ms=window.latency_ms("p50"),
        late_ms=window.latency_ms("p99"),
        delivered=window.delivered(LOAD.viewers),
        missed_s=statistics.mean(_losses(server)),
    )


def _losses(server: Partcast) -> Iterator[float]:
    """Yields how long the producer's count is wrong after each loss of a node."""
    for _ in range(KILLS):
        with Trial(server, Plan(MIN_BYTES), pinned=False) as trial:
            running = trial.running
            with Producer(running.way_in[1], running.events) as producer:
                yield _loss(producer, running)


def _loss(producer: Producer, running: Running) -> float:
    with contextlib.ExitStack() as ending:
        viewers = [ending.enter_context(_viewer(running.port)) for _ in range(SILENT_VIEWERS)]
        _wait(lambda: producer.connections(STREAM) == SILENT_VIEWERS)
        # Every node has said its interval by then; when it dies within the next is chance.
        time.sleep(2 + random.random())
        began = time.monotonic()
        os.kill(_node(running.children[0].pids), signal.SIGKILL)
        left = SILENT_VIEWERS - _cut_off(viewers)
        _wait(lambda: producer.connections(STREAM) == left)
        return time.monotonic() - began


def _viewer(port: int) -> socket.socket:
    viewer = socket.create_connection(("127.0.0.1", port))
    viewer.sendall(f"GET /streams/{STREAM} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    viewer.recv(4096)
    return viewer


def _node(pids: Sequence[int]) -> int:
    """Gives a worker, or the streamer itself where it has none."""
    workers = [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return workers[0] if workers else pids[0]


def _cut_off(viewers: Sequence[socket.socket]) -> int:
    """Gives how many viewers were on the node that died; its system tells them at once."""
    poll = select.poll()
    for viewer in viewers:
        poll.register(viewer, select.POLLIN)
    _wait(lambda: bool(poll.poll(0)))
    time.sleep(ALL_TOLD_S)
    return len(poll.poll(0))


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise ChildError(f"the nodes are not as expected after {PATIENCE_S} s")
        time.sleep(0.01)


def comparison(inputs: Inputs) -> str:
    """Gives what was said beside what was seen, for each number of nodes."""
    cores = len(usable_cores())
    rows = []
    for nodes in NODES:
        said, seen = predict(inputs, nodes, cores), measure(nodes)
        pairs = zip(
            ("{:.3f}", "{:.1f}", "{:.1f}", "{:.1%}", "{:.1f}"), _each(said, seen), strict=True
        )
        rows.append((str(nodes), *(text.format(each) for text, both in pairs for each in both)))
    head = ["nodes"]
    for what in ("cores", "median, ms", "99 %, ms", "delivered", "right after, s"):
        head += [what, "seen"]
    title = (
        f"Said and seen: {LOAD.viewers} viewers of {LOAD.payload_bytes:,} bytes at "
        f"{LOAD.frames_per_s:g} frames per second, {cores} cores for everything"
    )
    return table(title, head, rows)


def _each(said: Seen, seen: Seen) -> list[tuple[float, float]]:
    return list(zip(astuple(said), astuple(seen), strict=True))
