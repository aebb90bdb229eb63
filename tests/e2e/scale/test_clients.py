"""What a client that is slow, stuck or gone means for everybody else."""

from __future__ import annotations

import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from producer import Client, Producer
from producer.node_window import NODE_WINDOW
from tests.e2e.processes import Events, Publisher, Starter, eventually, jpeg

from .crowd import Crowd, State, Viewer
from .deployment import BUSY_S, QUEUE_BYTES, SLOW_BUFFER_BYTES, STALL_S, Deployment, empty
from .network import Host
from .producing import Camera
from .show import unbroken

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

# A link that takes a third of what the camera sends, megabits per second.
NARROW = 1.0
FRAMES_PER_S = 20
FRAME_BYTES = 20_000
FRAME_S = FRAME_BYTES * 8 / (NARROW * 1e6)
# How long a slow client is watched: what piles up without end is seconds old by then, seconds.
WATCHED_S = 5.0


@pytest.fixture
def lone(networks: None, start: Starter, tmp_path: Path) -> Iterator[Deployment]:
    """A node without a relay."""
    with empty(start, tmp_path) as deployment, deployment.studio.inside():
        deployment.add_node(None).wait()
        yield deployment


@pytest.fixture
def slow(lone: Deployment) -> Host:
    host = lone.network.host("slow", "front")
    lone.network.narrow(host, "front", megabits_per_s=NARROW)
    return host


def _camera(publisher: Publisher, stream: str) -> Camera:
    topic = f"all/{stream}/"
    publisher.wait_for(topic.encode())
    return Camera(
        lambda body: publisher.send(topic, body), frames_per_s=FRAMES_PER_S, frame_bytes=FRAME_BYTES
    )


def test_a_slow_client_skips_and_sees_the_newest(
    lone: Deployment, slow: Host, context: Context, report: Report
) -> None:
    """A client that cannot keep up skips whole parts and sees the newest; nobody else notices.

    What it sees is no older than what `client_buffer_bytes` take over its own link.
    """
    http = lone.nodes[0].http
    camera = _camera(Publisher(context, lone.frames), "slow")
    with Crowd(lone.public) as fast, Crowd(slow) as behind:
        viewers = fast.join(http, "/streams/slow", 20)
        (late,) = behind.join(http, "/streams/slow")
        with camera:
            eventually(lambda: camera.number > WATCHED_S * FRAMES_PER_S, "the camera to run")
        last = camera.number
        eventually(lambda: all(each.numbers[-1] == last for each in viewers), "the last frame")
        assert unbroken(viewers)
        assert fast.torn == behind.torn == []
    assert len(late.numbers) < last / 2
    ages = [camera.age_s(*each) for each in zip(late.numbers, late.seen_at, strict=True)]
    report("a client is slow: age of what it sees at last", statistics.median(ages[-10:]))
    assert max(ages) < SLOW_BUFFER_BYTES * 8 / (NARROW * 1e6) + 2 * FRAME_S + BUSY_S


def test_a_stuck_client_is_closed(lone: Deployment, context: Context, report: Report) -> None:
    """A client that accepts nothing for `stall_timeout_s` is closed with reason `stalled`.

    Until then it holds no more than `client_buffer_bytes`, and nobody else notices.
    """
    events = Events(context, lone.events)
    camera = _camera(Publisher(context, lone.frames), "stuck")
    stuck = _open_and_never_read(lone, "/streams/stuck")
    with Crowd(lone.public) as crowd:
        viewers = crowd.join(lone.nodes[0].http, "/streams/stuck", 20)
        with camera:
            (closed,) = events.wait_for(type="closed_connection")
        last = camera.number
        eventually(lambda: all(each.numbers[-1] == last for each in viewers), "the last frame")
        assert unbroken(viewers)
    stuck.close()
    assert closed["reason"] == "stalled"
    assert closed["bytes"] <= SLOW_BUFFER_BYTES
    report("a client is stuck: closed after", closed["duration"])
    assert STALL_S <= closed["duration"] < STALL_S + 1 + BUSY_S


def _open_and_never_read(deployment: Deployment, path: str) -> socket.socket:
    with deployment.public.inside():
        stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(deployment.nodes[0].address)
    stuck.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return stuck


def test_a_client_that_leaves_is_reported_at_once(
    lone: Deployment, context: Context, report: Report
) -> None:
    """A client that leaves is reported at once, with reason `client`."""
    events = Events(context, lone.events)
    with Crowd(lone.public) as crowd:
        viewers = crowd.join(lone.nodes[0].http, "/streams/cam1", 20)
        began = time.monotonic()
        crowd.leave(viewers)
        events.wait_for(20, type="closed_connection", reason="client")
        took = time.monotonic() - began
        report("clients leave: reported after", took)
        assert took < BUSY_S


def test_a_client_that_vanishes_is_reported_when_it_stalls(
    lone: Deployment, context: Context, report: Report
) -> None:
    """A client that vanishes without a word is reported within `stall_timeout_s`, as `stalled`.

    That is counted from the first part that its link does not take.
    """
    events = Events(context, lone.events)
    camera = _camera(Publisher(context, lone.frames), "stuck")
    with Crowd(lone.public) as crowd:
        crowd.join(lone.nodes[0].http, "/streams/stuck", 20)
        began = time.monotonic()
        with camera:
            lone.network.cut(lone.public, "front")
            events.wait_for(20, type="closed_connection", reason="stalled")
        took = time.monotonic() - began
        report("clients vanish: reported after", took)
        assert took < STALL_S + 1 + BUSY_S
        lone.network.heal(lone.public, "front")


def test_a_client_that_needs_every_part_and_is_too_slow_is_closed(
    lone: Deployment, slow: Host, context: Context
) -> None:
    """Under `queue`, a client of a shared stream that overflows `queue_bytes` is closed.

    It had every part until then, the reason is `overflow`, and nobody else notices.
    """
    http = lone.nodes[0].http
    events = Events(context, lone.events)
    camera = _camera(Publisher(context, lone.frames), "every")
    with Crowd(lone.public) as fast, Crowd(slow) as behind:
        viewers = fast.join(http, "/streams/every", 20)
        (late,) = behind.join(http, "/streams/every")
        with camera:
            (closed,) = events.wait_for(type="closed_connection")
        last = camera.number
        eventually(lambda: all(each.numbers[-1] == last for each in viewers), "the last frame")
        eventually(lambda: late.is_over, "the slow client's end")
        assert unbroken([*viewers, late])
        assert fast.torn == behind.torn == []
    assert closed["reason"] == "overflow"
    assert closed["skipped"] * FRAME_BYTES <= QUEUE_BYTES + SLOW_BUFFER_BYTES


def test_a_targeted_stream_waits_for_its_client(
    lone: Deployment, slow: Host, context: Context
) -> None:
    """Under `queue`, a client of a targeted stream gets every part, however slow it is."""
    http = lone.nodes[0].http
    with (
        Producer(lone.frames, lone.events) as producer,
        Crowd(lone.public) as fast,
        Crowd(slow) as behind,
    ):
        threading.Thread(target=_show_to_all, args=(producer,), daemon=True).start()
        viewers = [*fast.join(http, "/streams/clip", 5), *behind.join(http, "/streams/clip")]
        eventually(lambda: all(each.is_over for each in viewers), "the clips to end")
        assert [_whole(each) for each in viewers] == [True] * len(viewers)


CLIP_FRAMES = 25
MANY = 100
PRODUCERS = 3


def _show_to_all(producer: Producer) -> None:
    for client in producer.clients("clip"):
        threading.Thread(target=_show, args=(client,), daemon=True).start()


def _show(client: Client, sent: Callable[[int], None] = lambda _: None) -> None:
    for number in range(CLIP_FRAMES):
        client.publish(jpeg(number, FRAME_BYTES))
        sent(number)
    client.stop()


def _whole(viewer: Viewer) -> bool:
    return viewer.state is State.ENDED and viewer.numbers == list(range(CLIP_FRAMES))


def test_targeted_streams_are_complete_behind_a_relay(start: Starter) -> None:
    """Behind a relay, targeted streams are complete, however many clients a node has.

    A node that hangs for a while loses no part either, of three producers at a time.
    """
    relay = start.relay()
    sides = ["--connect-frames", relay.addresses["streamer-frames"]]
    sides += ["--connect-events", relay.addresses["streamer-events"]]
    # Nobody is to take it for dead while it hangs.
    sides += ["--heartbeat-interval-s", "10"]
    streamer = start.streamer(*sides, config='[streams."clip"]\noverload = "queue"\n')
    ends = relay.addresses["producer-frames"], relay.addresses["producer-events"]
    sent: list[int] = []
    with ExitStack() as opened:
        producers = [opened.enter_context(Producer(*ends)) for _ in range(PRODUCERS)]
        viewers = opened.enter_context(Crowd()).join(streamer.http, "/streams/clip", MANY)
        clients = [
            {each.id: each for _, each in zip(viewers, producer.clients("clip"), strict=False)}
            for producer in producers
        ]
        streamer.process.send_signal(signal.SIGSTOP)
        for number, name in enumerate(clients[0]):
            client = clients[number % PRODUCERS][name]
            threading.Thread(target=_show, args=(client, sent.append), daemon=True).start()
        eventually(lambda: len(sent) >= PRODUCERS * NODE_WINDOW, "all that may be under way")
        streamer.process.send_signal(signal.SIGCONT)
        eventually(lambda: all(each.is_over for each in viewers), "the clips to end")
        assert [_whole(each) for each in viewers] == [True] * MANY
