"""Several workers behind one port: one service to viewers, a node each to producers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import zmq

from producer import Producer
from protocol import ClosedConnection, CloseReason, Event, Heartbeat
from tests.e2e.processes import (
    ANY_PORT,
    PATIENCE_S,
    Command,
    Events,
    Publisher,
    Starter,
    Viewer,
    eventually,
    jpeg,
)

from .crowd import Crowd, State
from .deployment import BUSY_S, HEARTBEAT_S
from .producing import Camera
from .show import limit_s, unbroken

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

BEAT = ("--heartbeat-interval-s", str(HEARTBEAT_S))
# A service has ended so long after a signal, stuck clients included, seconds.
END_S = 5.0


def _workers(streamer: Command) -> list[int]:
    """Returns the process ids of the workers."""
    parent = streamer.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in _command_line(int(pid))]


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _nodes(events: Events) -> set[str]:
    return {each["node"] for each in events.having(type="heartbeat")}


def test_all_workers_have_one_boundary(start: Starter, context: Context) -> None:
    streamer = start.streamer("--workers", "2", *BEAT)
    events = Events(context, streamer.addresses["events"])
    viewers = [Viewer(streamer.port, "/streams/cam1") for _ in range(30)]
    opened = events.wait_for(30, type="new_connection")
    assert len({each["node"] for each in opened}) == 2
    assert len({each.delimiter for each in viewers}) == 1
    for each in viewers:
        each.close()


def test_each_worker_is_a_node_of_its_own(start: Starter, context: Context) -> None:
    streamer = start.streamer("--workers", "2", *BEAT)
    events = Events(context, streamer.addresses["events"])
    eventually(lambda: len(_nodes(events)) == 2, "two nodes")
    with (
        Producer(streamer.addresses["frames"], streamer.addresses["events"]) as producer,
        Crowd() as crowd,
    ):
        crowd.join(streamer.http, "/streams/cam1", 40)
        eventually(lambda: producer.connections("cam1") == 40, "the producer to count all")
        opened = events.wait_for(40, type="new_connection")
        # The system spreads them: with 40 clients, neither worker is left without any.
        assert {each["node"] for each in opened} == _nodes(events)
        assert all(each["client"].startswith(each["node"]) for each in opened)


def test_any_worker_speaks_for_all(start: Starter, context: Context) -> None:
    streamer = start.streamer("--workers", "2")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    with Crowd() as crowd:
        viewers = crowd.join(streamer.http, "/streams/cam1", 20)
        publisher.send("all/cam1/", jpeg(1))
        eventually(lambda: all(each.numbers for each in viewers), "the frame")
        # Each request is a connection of its own, and so comes to one worker or the other.
        answers = [streamer.streams()["cam1"] for _ in range(20)]
        assert {each["connections"] for each in answers} == {20}
        assert {each["frames"] for each in answers} == {1}
        metrics = [streamer.get("/metrics") for _ in range(10)]
        assert all(b'partcast_parts_total{stream="cam1"} 20.0' in each for each in metrics)


def test_a_service_of_workers_says_once_that_it_is_ready(start: Starter) -> None:
    streamer = start.streamer("--workers", "2")
    assert streamer.end() == 0
    assert streamer.process.stdout is not None
    assert streamer.process.stdout.read() == ""


def test_auto_is_a_worker_for_each_usable_core(start: Starter, context: Context) -> None:
    with _on_cores(2) as cores:
        streamer = start.streamer("--workers", "auto", *BEAT)
    events = Events(context, streamer.addresses["events"])
    eventually(lambda: len(_nodes(events)) == cores, "a node for each core")
    assert len(_workers(streamer)) == (cores if cores > 1 else 0)


@contextlib.contextmanager
def _on_cores(most: int) -> Iterator[int]:
    """Lets processes that begin now have so many cores at most; yields how many."""
    before = os.sched_getaffinity(0)
    cores = sorted(before)[:most]
    os.sched_setaffinity(0, cores)
    try:
        yield len(cores)
    finally:
        os.sched_setaffinity(0, before)


def test_a_worker_that_dies_is_started_again(
    start: Starter, context: Context, report: Report
) -> None:
    """A worker that dies is started again; the clients of the other workers miss nothing.

    Its own are reported `lost` within 3 heartbeats, and are served at once when they come back.
    """
    streamer = start.streamer("--workers", "2", *BEAT)
    events = Events(context, streamer.addresses["events"])
    eventually(lambda: len(_nodes(events)) == 2, "two nodes")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    camera = Camera(lambda body: publisher.send("all/cam1/", body))
    address = ("127.0.0.1", streamer.port)
    ends = streamer.addresses["frames"], streamer.addresses["events"]
    heard: list[Event] = []
    with Producer(*ends) as producer, Crowd(again=lambda _: address) as crowd, camera:
        threading.Thread(target=lambda: heard.extend(producer.events()), daemon=True).start()
        viewers = crowd.join(streamer.http, "/streams/cam1", 40)
        eventually(lambda: producer.connections("cam1") == 40, "the producer to count all")
        eventually(lambda: _beats(heard) >= 4, "the producer to hear the heartbeats of both")
        began = time.monotonic()
        os.kill(_workers(streamer)[0], signal.SIGKILL)
        eventually(lambda: _lost(heard), "its clients to be reported lost")
        took = time.monotonic() - began
        report("a worker dies: its clients are reported lost", took)
        assert took < limit_s()
        eventually(lambda: producer.connections("cam1") == 40, "all to be counted where they are")
        eventually(lambda: len(_nodes(events)) == 3, "a third node")
        report("a worker dies: there is another", time.monotonic() - began)
        last = camera.stop()
        watching = crowd.watching("/streams/cam1")
        eventually(lambda: all(each.numbers[-1:] == [last] for each in watching), "the last frame")
        assert unbroken([each for each in viewers if not each.is_over])
        assert _lost(heard) == sum(each.is_over for each in viewers)
        assert crowd.torn == []


def test_no_total_falls_when_a_worker_dies(start: Starter, context: Context) -> None:
    """When a worker dies, no total of the service falls: what it had counted still counts."""
    streamer = start.streamer("--workers", "2", *BEAT)
    events = Events(context, streamer.addresses["events"])
    eventually(lambda: len(_nodes(events)) == 2, "two nodes")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    with Crowd() as crowd:
        viewers = crowd.join(streamer.http, "/streams/cam1", 20)
        publisher.send("all/cam1/", jpeg(1))
        eventually(lambda: all(each.numbers for each in viewers), "the frame")
        assert _metric(streamer, "parts_total") == 20
        os.kill(_workers(streamer)[0], signal.SIGKILL)

        def another() -> bool:
            with contextlib.suppress(OSError):  # the socket of the dead one may have been taken
                assert _metric(streamer, "parts_total") == 20
            return len(_nodes(events)) == 3

        eventually(another, "a third node")
        left = [each for each in viewers if not each.is_over]
        assert _metric(streamer, "parts_total") == 20
        assert _metric(streamer, "clients") == len(left) < 20


def test_what_is_refused_before_it_comes_to_a_worker_is_counted(
    start: Starter, context: Context
) -> None:
    streamer = start.streamer("--workers", "2", "--max-frame-bytes", "1000")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    # For one beyond 64 MiB libzmq cuts the connection, and that is the relay's.
    publisher.send("all/cam1/", bytes(66 << 20))
    counted = b'partcast_refused_messages_total{reason="too_large"} 1.0'
    eventually(lambda: counted in streamer.get("/metrics"), "the refusal to be counted")


def _metric(streamer: Command, name: str) -> float:
    lines = streamer.get("/metrics").decode().splitlines()
    return next(
        float(line.split()[1])
        for line in lines
        if line.startswith(f'partcast_{name}{{stream="cam1"}}')
    )


def _beats(heard: list[Event]) -> int:
    return sum(isinstance(each, Heartbeat) for each in heard)


def _lost(heard: list[Event]) -> int:
    ended = [each for each in heard if isinstance(each, ClosedConnection)]
    return sum(each.reason is CloseReason.LOST for each in ended)


def test_a_signal_drains_all_workers_stuck_clients_included(start: Starter) -> None:
    """A signal drains all workers, and ends every client in good order, stuck ones included.

    The service exits 0 within 5 s, and the time asked for to drain.
    """
    streamer = start.streamer("--workers", "2", "--drain-s", "1")
    ends = streamer.addresses["frames"], streamer.addresses["events"]
    with Producer(*ends) as producer, Crowd() as crowd:
        assert producer.wait_for_streamer(10)
        viewers = crowd.join(streamer.http, "/streams/cam1", 20)
        stuck = [_open_and_never_read(streamer.port) for _ in range(4)]
        for number in range(30):
            producer.publish("cam1", jpeg(number, 50_000))
            eventually(lambda n=number: all(each.numbers[-1:] == [n] for each in viewers), "it")  # type: ignore[misc]
        began = time.monotonic()
        streamer.process.send_signal(signal.SIGTERM)
        eventually(lambda: _not_ready(streamer.port), "the service to drain")
        assert all(_not_ready(streamer.port) for _ in range(10))
        assert streamer.process.wait(20) == 0
        assert 1 < time.monotonic() - began < 1 + END_S + BUSY_S
        eventually(lambda: all(each.is_over for each in viewers), "all to be let go")
        assert {each.state for each in viewers} == {State.ENDED}
    for each in stuck:
        each.close()


def _open_and_never_read(port: int) -> socket.socket:
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", port))
    stuck.sendall(b"GET /streams/cam1 HTTP/1.1\r\nHost: test\r\n\r\n")
    return stuck


def _not_ready(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 10) as asking:
        asking.sendall(b"GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n")
        return asking.recv(100).startswith(b"HTTP/1.1 503 ")


def test_a_supervisor_that_is_killed_leaves_no_worker_behind(
    start: Starter, context: Context
) -> None:
    """When the supervisor of several workers is killed, they end too, in good order."""
    streamer = start.streamer("--workers", "2")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    with Crowd() as crowd:
        viewers = crowd.join(streamer.http, "/streams/cam1", 20)
        workers = _workers(streamer)
        streamer.end(signal.SIGKILL)
        eventually(lambda: all(each.is_over for each in viewers), "all to be let go")
        assert {each.state for each in viewers} == {State.ENDED}
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the ends")


def test_a_port_in_use_ends_the_start_of_workers_with_one_line_and_code_1(start: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for option in ("--http", "--bind-frames"):
            value = address if option == "--http" else f"tcp://{address}"
            free = {"--http": "127.0.0.1:0", "--bind-events": "tcp://127.0.0.1:0", option: value}
            words = [word for pair in free.items() for word in pair]
            refused = start.run("streamer", "--workers", "2", *words, ready=False)
            assert refused.process.wait(20) == 1
            lines = refused.said().splitlines()
            assert len(lines) == 1, lines
            assert address in lines[0]


def test_a_port_that_another_service_shares_among_its_workers_is_in_use(start: Starter) -> None:
    first = start.streamer("--workers", "2")
    address = f"127.0.0.1:{first.port}"
    ends = ("--bind-frames", ANY_PORT, "--bind-events", ANY_PORT)
    second = start.run("streamer", "--workers", "2", "--http", address, *ends, ready=False)
    assert second.process.wait(PATIENCE_S) == 1
    (line,) = second.said().splitlines()
    assert address in line
