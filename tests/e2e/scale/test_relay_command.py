"""`partcast-relay` as its users see it, alone and in a tree."""

from __future__ import annotations

import os
import signal
import socket

import pytest
import zmq

from producer import Producer
from tests.e2e.processes import (
    Command,
    Events,
    Publisher,
    Starter,
    Viewer,
    eventually,
    jpeg,
    number_of,
)

Context = zmq.Context[zmq.Socket[bytes]]

ENDS = ("producer-frames", "producer-events", "streamer-frames", "streamer-events")


def _behind(relay: Command, *options: str) -> list[str]:
    """Returns the options that place a streamer (connect) or a relay (upstream) behind a relay."""
    frames, events = relay.addresses["streamer-frames"], relay.addresses["streamer-events"]
    prefix = options[0]
    return [f"--{prefix}-frames", frames, f"--{prefix}-events", events, *options[1:]]


def test_the_ready_line_names_the_addresses_that_are_really_used(start: Starter) -> None:
    relay = start.relay()
    assert set(relay.addresses) == {*ENDS, "http"}
    for end in ENDS:
        port = int(relay.addresses[end].removeprefix("tcp://127.0.0.1:"))
        socket.create_connection(("127.0.0.1", port), 5).close()
    assert relay.get("/healthz") == b"ok\n"


def test_without_an_http_address_the_ready_line_names_none(start: Starter) -> None:
    given = [word for end in ENDS for word in (f"--{end}", "tcp://127.0.0.1:0")]
    assert set(start.run("streamer.relay", *given).addresses) == set(ENDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0(start: Starter, context: Context, number: int) -> None:
    relay = start.relay()
    streamer = start.streamer(*_behind(relay, "connect"))
    Publisher(context, relay.addresses["producer-frames"]).wait_for(b"all/cam1/")
    assert relay.end(number, patience_s=5) == 0
    assert streamer.process.poll() is None
    assert relay.process.stdout is not None
    assert relay.process.stdout.read() == ""


@pytest.mark.parametrize("option", [*(f"--{end}" for end in ENDS), "--http"])
def test_a_port_in_use_ends_the_start_with_one_line_and_code_1(start: Starter, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = {f"--{end}": "tcp://127.0.0.1:0" for end in ENDS}
        given[option] = address if option == "--http" else f"tcp://{address}"
        words = [word for pair in given.items() for word in pair]
        refused = start.run("streamer.relay", *words, ready=False)
        assert refused.process.wait(20) == 1
    (line,) = refused.said().splitlines()
    assert address in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--http", "9000"], "http"),
        (["--bind", "127.0.0.1:5555"], "bind"),
        (["--producer-frames", "5555"], "producer_frames"),
        (["--upstream-events", "a.example:5558"], "upstream_events"),
        (["--frames-hwm", "none"], "frames_hwm"),
        (["--workers", "2"], "--workers"),
        (["--config", os.devnull + "/none"], "config"),
    ],
)
def test_bad_usage_ends_with_one_line_and_code_2(
    start: Starter, arguments: list[str], named: str
) -> None:
    refused = start.run("streamer.relay", *arguments, ready=False)
    assert refused.process.wait(20) == 2
    (line,) = refused.said().splitlines()
    assert named in line


def test_frames_and_events_cross_a_tree_of_relays(start: Starter, context: Context) -> None:
    root = start.relay()
    left = start.relay(*_behind(root, "upstream"))
    leaf = start.relay(*_behind(left, "upstream"))
    streamers = [start.streamer(*_behind(each, "connect")) for each in (root, left, leaf)]
    publisher = Publisher(context, root.addresses["producer-frames"])
    events = Events(context, root.addresses["producer-events"])
    publisher.wait_for_nodes(3)
    viewers = [Viewer(each.port, "/streams/cam1") for each in streamers]
    opened = events.wait_for(3, type="new_connection")
    publisher.send("all/cam1/", jpeg(1))
    for each in opened:
        publisher.send(f"one/{each['client']}/", jpeg(2))
    for viewer in viewers:
        assert [number_of(part.body) for part in viewer.parts(2)] == [1, 2]
    publisher.send("all/cam1/", b"", type="stop")
    assert [viewer.rest() for viewer in viewers] == [[], [], []]
    events.wait_for(3, type="no_connection")


def test_who_joins_late_behind_relays_is_told_everything(start: Starter, context: Context) -> None:
    root = start.relay()
    leaf = start.relay(*_behind(root, "upstream"))
    streamers = [start.streamer(*_behind(each, "connect")) for each in (root, leaf)]
    viewers = [Viewer(each.port, f"/streams/cam1?n={n}") for n, each in enumerate(streamers)]
    events = Events(context, root.addresses["producer-events"])
    told = eventually(lambda: _clients(events, 2), "the snapshots of both nodes")
    assert sorted(each["query"]["n"] for each in told) == ["0", "1"]
    with _producer(root) as producer:
        assert producer.wait_for_clients("cam1", 10)
        eventually(lambda: producer.connections("cam1") == 2, "the producer to know both")
    # A repeated subscription is answered again, by every node.
    before = len(events.having(type="snapshot"))
    events._socket.subscribe(b"event/cam1/")
    eventually(lambda: len(events.having(type="snapshot")) >= before + 2, "snapshots again")
    for viewer in viewers:
        viewer.close()


def _clients(events: Events, number: int) -> list[dict[str, dict[str, str]]]:
    newest = {each["node"]: each["clients"] for each in events.having(type="snapshot")}
    told = [client for clients in newest.values() for client in clients]
    return told if len(told) == number else []


def _producer(relay: Command) -> Producer:
    return Producer(relay.addresses["producer-frames"], relay.addresses["producer-events"])


def test_a_relay_behind_several_takes_what_each_of_them_has(
    start: Starter, context: Context
) -> None:
    roots = [start.relay() for _ in range(2)]
    given = []
    for channel in ("frames", "events"):
        urls = [each.addresses[f"streamer-{channel}"] for each in roots]
        given += [f"--upstream-{channel}", ",".join(urls)]
    leaf = start.relay(*given)
    streamer = start.streamer(*_behind(leaf, "connect"))
    publishers = [Publisher(context, each.addresses["producer-frames"]) for each in roots]
    followers = [Events(context, each.addresses["producer-events"]) for each in roots]
    viewer = Viewer(streamer.port, "/streams/cam1")
    for number, (publisher, events) in enumerate(zip(publishers, followers, strict=True)):
        publisher.wait_for(b"all/cam1/")
        publisher.send("all/cam1/", jpeg(number))
        assert number_of(viewer.parts(1)[0].body) == number
        events.wait_for(type="new_connection")
