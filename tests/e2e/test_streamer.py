"""The streamer as its users see it: a process, ZeroMQ sockets and HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import msgpack
import pytest
import zmq

from .processes import PATIENCE_S, Events, Publisher, Starter, Viewer, eventually, jpeg, number_of

Context = zmq.Context[zmq.Socket[bytes]]


def test_five_lines_of_plain_zeromq_are_a_producer(start: Starter, context: Context) -> None:
    streamer = start.streamer()
    viewer = Viewer(streamer.port, "/streams/cam1")
    script = (
        "import sys, zmq\n"
        "pub = zmq.Context().socket(zmq.XPUB)\n"
        "pub.connect(sys.argv[1])\n"
        "pub.recv()\n"
        "pub.send_multipart([b'all/cam1/', b'', b'\\xff\\xd8 a picture'])\n"
        "pub.context.destroy()\n"  # pyzmq does not wait for it at the interpreter's end
    )
    subprocess.run([sys.executable, "-c", script, streamer.addresses["frames"]], check=True)
    (part,) = viewer.parts(1)
    assert part.body == b"\xff\xd8 a picture"
    assert part.headers == {"Content-Type": "image/jpeg", "Content-Length": "12"}


def test_every_client_gets_every_frame_and_one_that_joins_gets_the_last(
    start: Starter, context: Context
) -> None:
    streamer = start.streamer()
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    viewers = [Viewer(streamer.port, "/streams/cam1") for _ in range(5)]
    for number in range(100):
        publisher.send("all/cam1/", jpeg(number), seq=number)
    for viewer in viewers:
        assert [number_of(part.body) for part in viewer.parts(100)] == list(range(100))
    late = Viewer(streamer.port, "/streams/cam1")
    assert number_of(late.parts(1)[0].body) == 99


def test_a_stuck_client_is_bounded_and_disturbs_nobody(start: Starter, context: Context) -> None:
    streamer = start.streamer(config='[streams."cam*"]\nclient_buffer_bytes = 262144\n')
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    stuck = Viewer(streamer.port, "/streams/cam1", receive_buffer=4096)
    healthy = Viewer(streamer.port, "/streams/cam1")
    for number in range(200):
        publisher.send("all/cam1/", jpeg(number, 20_000), seq=number)
        assert number_of(healthy.parts(1)[0].body) == number
    publisher.send("all/cam1/", b"", type="stop", seq=199)
    seen = [number_of(part.body) for part in stuck.rest()]
    # What waited is bounded by the buffer and what its own system took; then the newest came.
    assert seen[-1] == 199
    assert seen == sorted(set(seen))
    assert len(seen) * 20_000 < 262_144 + 150_000
    assert seen[:8] == list(range(8))


def test_a_burst_within_the_buffer_skips_nothing(start: Starter, context: Context) -> None:
    streamer = start.streamer()
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    viewer = Viewer(streamer.port, "/streams/cam1", receive_buffer=4096)
    for number in range(10):
        publisher.send("all/cam1/", jpeg(number, 20_000))
    eventually(lambda: streamer.streams()["cam1"]["frames"] == 10, "10 frames")
    assert [number_of(part.body) for part in viewer.parts(10)] == list(range(10))


def test_events_tell_who_comes_and_goes_in_order(start: Starter, context: Context) -> None:
    streamer = start.streamer()
    events = Events(context, streamer.addresses["events"])
    viewer = Viewer(streamer.port, "/streams/cam1?from=3&from=5&=x&flag")
    (opened,) = events.wait_for(type="new_connection")
    assert opened["query"] == {"from": "5", "flag": ""}
    assert opened["connections"] == 1
    assert opened["overload"] == "latest"
    assert opened["window"] is None
    assert opened["client"].startswith(opened["node"] + "-")
    viewer.close()
    (gone,) = events.wait_for(type="no_connection")
    (closed,) = events.having(type="closed_connection")
    assert closed["reason"] == "client"
    assert closed["client"] == opened["client"]
    numbers = [each["seq"] for each in (opened, closed, gone)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def test_a_targeted_stream_reaches_its_client_from_the_first_frame(
    start: Starter, context: Context
) -> None:
    streamer = start.streamer(config='[streams."clip"]\noverload = "queue"\nwindow = 4\n')
    events = Events(context, streamer.addresses["events"])
    publisher = Publisher(context, streamer.addresses["frames"])
    viewers = [Viewer(streamer.port, f"/streams/clip?n={n}") for n in range(3)]
    for opened in events.wait_for(3, type="new_connection"):
        topic = f"one/{opened['client']}/"
        publisher.wait_for(topic.encode())
        for number in range(4):
            publisher.send(topic, jpeg(int(opened["query"]["n"]) * 100 + number), seq=number)
        publisher.send(topic, b"", type="stop", seq=3)
    for n, viewer in enumerate(viewers):
        assert [number_of(part.body) for part in viewer.rest()] == [n * 100 + k for k in range(4)]
    events.wait_for(3, type="closed_connection", reason="stop", parts=4)
    assert max(each["delivered"] for each in events.having(type="credit")) == 4


def test_one_client_of_a_shared_stream_can_be_stopped(start: Starter, context: Context) -> None:
    streamer = start.streamer()
    events = Events(context, streamer.addresses["events"])
    publisher = Publisher(context, streamer.addresses["frames"])
    first = Viewer(streamer.port, "/streams/cam1")
    (opened,) = events.wait_for(type="new_connection")
    second = Viewer(streamer.port, "/streams/cam1")
    events.wait_for(2, type="new_connection")
    publisher.wait_for(f"one/{opened['client']}/".encode())
    publisher.send(f"one/{opened['client']}/", b"", type="stop")
    assert first.rest() == []
    events.wait_for(type="closed_connection", client=opened["client"], reason="stop")
    publisher.send("all/cam1/", jpeg(1))
    assert number_of(second.parts(1)[0].body) == 1


def test_malformed_messages_disturb_nobody(start: Starter, context: Context) -> None:
    streamer = start.streamer("--max-frame-bytes", "100000")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    viewer = Viewer(streamer.port, "/streams/cam1")
    bad: list[tuple[bytes, ...]] = [
        (b"all/cam1/",),
        (b"all/cam1/", b""),
        (b"all/cam1/", b"", jpeg(0), b"more"),
        (b"all/cam1", b"", jpeg(0)),
        (b"all/../x/", b"", jpeg(0)),
        (b"all/cam1/", b"\xc1", jpeg(0)),
        (b"all/cam1/", msgpack.packb({"time": -1}), jpeg(0)),
        (b"all/cam1/", msgpack.packb({"headers": {"X\r\nY": "z"}}), jpeg(0)),
        (b"all/cam1/", b"", b"no picture"),
        (b"all/cam1/", b"", jpeg(0, 100_001)),
    ]
    for frames in bad:
        publisher.send_raw(*frames)
    publisher.send("all/cam1/", jpeg(7))
    assert number_of(viewer.parts(1)[0].body) == 7
    metrics = streamer.get("/metrics").decode()
    counted = {
        line.split('"')[1]: float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("partcast_refused_messages_total{")
    }
    assert sum(counted.values()) == len(bad)
    assert {"frame_count", "bad_topic", "bad_msgpack", "bad_image", "too_large"} <= set(counted)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_clients_in_good_order_stuck_ones_included(
    start: Starter, context: Context, number: int
) -> None:
    streamer = start.streamer()
    events = Events(context, streamer.addresses["events"])
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    healthy = Viewer(streamer.port, "/streams/cam1")
    stuck = Viewer(streamer.port, "/streams/cam1", receive_buffer=4096)
    for frame in range(30):
        publisher.send("all/cam1/", jpeg(frame, 50_000))
        healthy.parts(1)
    began = time.monotonic()
    assert streamer.end(number) == 0
    assert time.monotonic() - began < 5
    assert healthy.rest() == []
    events.wait_for(2, type="closed_connection", reason="shutdown")
    (goodbye,) = events.wait_for(type="goodbye")
    assert events.having(type="no_connection")
    assert events.look()[-1] == goodbye
    stuck.close()


def test_a_killed_streamer_leaves_its_port_and_its_successor_has_a_new_id(
    start: Starter, context: Context
) -> None:
    first = start.streamer()
    endpoints = {
        "--http": first.http.removeprefix("http://"),
        "--bind-frames": first.addresses["frames"],
        "--bind-events": first.addresses["events"],
    }
    events = Events(context, first.addresses["events"])
    publisher = Publisher(context, first.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    first.end(signal.SIGKILL)
    second = start.streamer(*(word for pair in endpoints.items() for word in pair))
    eventually(lambda: _nodes(events, 2), "a heartbeat of a second node")
    viewer = Viewer(second.port, "/streams/cam1")

    def published() -> bool:
        publisher.send("all/cam1/", jpeg(1))
        return bool(second.streams()["cam1"]["frames"])

    eventually(published, "the publisher to reconnect")
    assert number_of(viewer.parts(1)[0].body) == 1


def test_a_port_in_use_ends_the_start_with_one_line_and_code_1(start: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = start.run("streamer", "--http", address, ready=False)
        assert refused.process.wait(20) == 1
    lines = refused.said().splitlines()
    assert len(lines) == 1
    assert address in lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--http", "8080"], "http"),
        (["--workers", "many"], "workers"),
        (["--nonsense"], "--nonsense"),
        (["--config", os.devnull + "/none"], "config"),
    ],
)
def test_bad_usage_ends_with_one_line_and_code_2(
    start: Starter, arguments: list[str], named: str
) -> None:
    refused = start.run("streamer", *arguments, ready=False)
    assert refused.process.wait(20) == 2
    lines = refused.said().splitlines()
    assert len(lines) == 1
    assert named in lines[0]


@pytest.mark.parametrize("module", ["streamer", "streamer.relay"])
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_bad_usage_ends_with_code_2_where_nothing_can_be_said(module: str, closed: str) -> None:
    command = f"{sys.executable} -m {module} --nonsense {closed}"
    assert subprocess.run(command, shell=True, check=False, timeout=PATIENCE_S).returncode == 2


def test_several_workers_speak_with_one_voice(start: Starter, context: Context) -> None:
    streamer = start.streamer("--workers", "2")
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for_nodes(2)
    viewers = [Viewer(streamer.port, "/streams/cam1") for _ in range(12)]
    publisher.send("all/cam1/", jpeg(5))
    for viewer in viewers:
        assert number_of(viewer.parts(1)[0].body) == 5
    assert streamer.streams()["cam1"]["connections"] == 12
    assert b'partcast_clients{stream="cam1"} 12.0' in streamer.get("/metrics")
    assert streamer.end() == 0
    for viewer in viewers:
        assert viewer.rest() == []


def test_a_worker_that_is_killed_is_started_again(start: Starter, context: Context) -> None:
    streamer = start.streamer("--workers", "2")
    events = Events(context, streamer.addresses["events"])
    nodes = eventually(lambda: _nodes(events, 2), "two nodes")
    children = subprocess.run(
        ["pgrep", "-P", str(streamer.process.pid), "-f", "spawn_main"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    os.kill(int(children[-1]), signal.SIGKILL)
    eventually(lambda: _nodes(events, 3) > nodes, "a third node")
    assert streamer.process.poll() is None


def _nodes(events: Events, number: int) -> set[str]:
    nodes = {each["node"] for each in events.having(type="heartbeat")}
    return nodes if len(nodes) >= number else set()


def test_a_relay_carries_frames_to_the_watched_nodes_only(start: Starter, context: Context) -> None:
    relay = start.relay()
    ends = (
        "--connect-frames",
        relay.addresses["streamer-frames"],
        "--connect-events",
        relay.addresses["streamer-events"],
        "--subscribe",
        "watched",
    )
    first, second = start.streamer(*ends), start.streamer(*ends)
    events = Events(context, relay.addresses["producer-events"])
    publisher = Publisher(context, relay.addresses["producer-frames"])
    publisher.wait_for_nodes(2)
    viewer = Viewer(first.port, "/streams/cam1")
    (opened,) = events.wait_for(type="new_connection")
    publisher.wait_for(b"all/cam1/", f"one/{opened['client']}/".encode())
    for number in range(20):
        publisher.send("all/cam1/", jpeg(number, 1000))
        publisher.send("all/other/", jpeg(number, 1000))
    assert [number_of(part.body) for part in viewer.parts(20)] == [*range(20)]
    # Behind a relay targeted frames come on a way of their own: no order holds between the two.
    publisher.send(f"one/{opened['client']}/", jpeg(99))
    assert [number_of(part.body) for part in viewer.parts(1)] == [99]
    assert first.streams()["cam1"]["frames"] == 21
    assert second.streams() == {}
    assert "other" not in first.streams()
