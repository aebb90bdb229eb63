"""What too many frames, and what is no frame at all, mean for everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
import zmq

from producer import Client, Producer
from tests.e2e.processes import PATIENCE_S, Command, Publisher, Starter, eventually, jpeg

from .crowd import Crowd, State, Viewer
from .deployment import BUSY_S
from .show import FLAT_BYTES, unbroken

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

VIEWERS = 100
FLOOD_S = 1.0
FRAME_BYTES = 20_000
# A stop waits so long for the last frame, where the flood has lost it, seconds.
STOP_WAIT_S = 1.0
# What a message may be is four times what a frame may be: beyond it its sender is cut off.
MAX_FRAME_BYTES = 100_000


def _flood(producer: Producer, stream: str) -> int:
    """Publishes as fast as it can; returns how many frames."""
    deadline = time.monotonic() + FLOOD_S
    number = 0
    while time.monotonic() < deadline:
        producer.publish(stream, jpeg(number, FRAME_BYTES))
        number += 1
    return number


def _resident_bytes(command: Command) -> int:
    return int(Path(f"/proc/{command.process.pid}/statm").read_text().split()[1]) * 4096


def test_a_flood_loses_no_stop(start: Starter, report: Report) -> None:
    """A flood of frames loses no stop, and costs no memory: what does not fit is dropped whole.

    Every client gets its clean end within 1 s of what it still has to take.
    """
    streamer = start.streamer()
    with Producer(streamer.addresses["frames"], streamer.addresses["events"]) as producer:
        assert producer.wait_for_streamer(10)
        with Crowd() as crowd:
            viewers = crowd.join(streamer.http, "/streams/cam1", VIEWERS)
            before = _resident_bytes(streamer)
            _flood(producer, "cam1")
            began = time.monotonic()
            assert producer.stop("cam1")
            eventually(lambda: all(each.is_over for each in viewers), "the end of the stream")
            took = time.monotonic() - began
            report("a flood is stopped: every client has its end", took)
            assert took < STOP_WAIT_S + 2 * BUSY_S
            assert {each.state for each in viewers} == {State.ENDED}
            assert all(each.numbers == sorted(set(each.numbers)) for each in viewers)
            assert _resident_bytes(streamer) - before < FLAT_BYTES


@pytest.mark.parametrize("relayed", [False, True])
def test_a_flood_of_one_stream_takes_no_part_from_a_targeted_one(
    start: Starter, relayed: bool
) -> None:
    """A flood of one stream takes no part from a targeted stream, and no answer from a request.

    Both only wait for their turn, behind a relay too.
    """
    streamer, ends = _node(start, relayed, config='[streams."clip"]\noverload = "queue"\n')
    with Producer(*ends) as flooding, Producer(*ends) as showing, Crowd() as crowd:
        assert flooding.wait_for_streamer(10)
        crowd.join(streamer.http, "/streams/cam1", VIEWERS)
        viewers = crowd.join(streamer.http, "/streams/clip", 5)
        clients = [client for _, client in zip(viewers, showing.clients("clip"), strict=False)]
        for each in clients:
            threading.Thread(target=_show, args=(each,), daemon=True).start()
        _flood(flooding, "cam1")
        assert streamer.streams()["cam1"]["connections"] == VIEWERS
        eventually(lambda: all(each.is_over for each in viewers), "the clips to end")
        assert [_whole(each) for each in viewers] == [True] * len(viewers)


CLIP_FRAMES = 200


def _show(client: Client) -> None:
    for number in range(CLIP_FRAMES):
        client.publish(jpeg(number, FRAME_BYTES))
    client.stop()


def _whole(viewer: Viewer) -> bool:
    return viewer.state is State.ENDED and viewer.numbers == list(range(CLIP_FRAMES))


def _node(start: Starter, relayed: bool, *, config: str = "") -> tuple[Command, tuple[str, str]]:
    """Starts a node; returns it, and where producers meet it, or the relay before it."""
    if not relayed:
        streamer = start.streamer(config=config)
        return streamer, (streamer.addresses["frames"], streamer.addresses["events"])
    relay = start.relay()
    sides = _pairs(["--connect-frames", "--connect-events"], relay)
    ends = relay.addresses["producer-frames"], relay.addresses["producer-events"]
    return start.streamer(*sides, config=config), ends


def test_a_flood_behind_a_relay_loses_no_stop(start: Starter, report: Report) -> None:
    """Behind a relay too, a flood loses no stop of a producer that uses the library.

    Every client gets its clean end within 3 s of what it still has to take.
    """
    streamer, ends = _node(start, relayed=True)
    with Producer(*ends) as producer, Crowd() as crowd:
        assert producer.wait_for_streamer(10)
        viewers = crowd.join(streamer.http, "/streams/cam1", VIEWERS)
        before = _resident_bytes(streamer)
        _flood(producer, "cam1")
        began = time.monotonic()
        assert producer.stop("cam1")
        eventually(lambda: all(each.is_over for each in viewers), "the end of the stream")
        took = time.monotonic() - began
        report("a flood behind a relay is stopped: every client has its end", took)
        assert took < 3 + 2 * BUSY_S
        assert {each.state for each in viewers} == {State.ENDED}
        assert _resident_bytes(streamer) - before < FLAT_BYTES


def test_a_stop_on_the_command_line_comes_through_a_flood_behind_a_relay(start: Starter) -> None:
    """A stop on the command line ends every client too, in a flood of another stream as well.

    It exits when each has ended, or has been told on a way that no flood fills.
    """
    streamer, ends = _node(start, relayed=True)
    with Producer(*ends) as producer, Crowd() as crowd:
        assert producer.wait_for_streamer(10)
        crowd.join(streamer.http, "/streams/cam2", VIEWERS)
        viewers = crowd.join(streamer.http, "/streams/cam1", VIEWERS)
        flooding = threading.Thread(target=_flood_until, args=(producer, "cam2", viewers))
        flooding.start()
        stopping = start.run(
            "producer", "stop", "cam1", "--frames", ends[0], "--events", ends[1], ready=False
        )
        assert stopping.process.wait(PATIENCE_S) == 0
        flooding.join()
        assert {each.state for each in viewers} == {State.ENDED}


def _flood_until(producer: Producer, stream: str, viewers: list[Viewer]) -> None:
    """Floods a stream until the viewers of another have their end."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not all(each.is_over for each in viewers):
        producer.publish(stream, jpeg(0, FRAME_BYTES))


def test_malformed_messages_disturb_nobody_behind_relays(start: Starter, context: Context) -> None:
    """What is malformed is dropped whole, counted by reason, and disturbs nobody behind relays.

    Who sends a message far beyond `max_frame_bytes` is cut off, and may connect again.
    """
    limit = ("--max-frame-bytes", str(MAX_FRAME_BYTES))
    core = start.relay(*limit)
    ends = [f"--upstream-{each}" for each in ("frames", "events")]
    edge = start.relay(*limit, *_pairs(ends, core))
    streamer = start.streamer(*limit, *_pairs(["--connect-frames", "--connect-events"], edge))
    good = Publisher(context, core.addresses["producer-frames"])
    hostile = Publisher(context, core.addresses["producer-frames"])
    for each in (good, hostile):
        each.wait_for(b"all/cam1/")
    bad = [
        (b"all/cam1/",),
        (b"all/cam1/", b"", jpeg(0), b"more"),
        (b"all/cam1", b"", jpeg(0)),
        (b"all/cam1/", b"\xc1", jpeg(0)),
        (b"all/cam1/", msgpack.packb({"headers": {"X\r\nY": "z"}}), jpeg(0)),
        (b"all/cam1/", b"", b"no picture"),
        (b"all/cam1/", b"", jpeg(0, MAX_FRAME_BYTES + 1)),
    ]
    with Crowd() as crowd:
        viewers = crowd.join(streamer.http, "/streams/cam1", 10)
        for number, frames in enumerate(bad):
            hostile.send_raw(*frames)
            good.send("all/cam1/", jpeg(number, 1000))
        eventually(lambda: _refused(streamer) == len(bad), "all to be refused")
        hostile.send("all/cam1/", jpeg(0, 10 * MAX_FRAME_BYTES))
        for number in range(len(bad), 2 * len(bad)):
            good.send("all/cam1/", jpeg(number, 1000))
        last = 2 * len(bad) - 1
        eventually(lambda: all(each.numbers[-1:] == [last] for each in viewers), "the last frame")
        assert unbroken(viewers)
        assert crowd.torn == []
        eventually(lambda: _comes_through(hostile, viewers), "the hostile one to be back")


def _pairs(options: list[str], relay: Command) -> list[str]:
    urls = (relay.addresses["streamer-frames"], relay.addresses["streamer-events"])
    return [word for pair in zip(options, urls, strict=True) for word in pair]


def _refused(streamer: Command) -> float:
    lines = streamer.get("/metrics").decode().splitlines()
    counts = [each for each in lines if each.startswith("partcast_refused_messages_total{")]
    return sum(float(each.split()[-1]) for each in counts)


def _comes_through(publisher: Publisher, viewers: list[Viewer]) -> bool:
    publisher.send("all/cam1/", jpeg(1_000_000))
    return all(each.numbers[-1] == 1_000_000 for each in viewers)
