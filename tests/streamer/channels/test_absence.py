"""Who is not there where a streamer connects to is named once, and so is that he came."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import zmq

from streamer.channels.absence import Absence
from streamer.channels.feed import Feed
from streamer.configuration.settings import Settings
from tests.streamer.fanout.hub.node import Node

pytestmark = pytest.mark.gen_test(timeout=60)
Context = zmq.Context[zmq.Socket[bytes]]

RELAY, OTHER = "tcp://relay:5557", "tcp://127.0.0.1:5557"


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def test_each_endpoint_where_nobody_is_is_named(caplog: pytest.LogCaptureFixture) -> None:
    Absence((RELAY, OTHER)).warn()
    assert caplog.messages == [
        "no relay or producer at tcp://127.0.0.1:5557: waiting",
        "no relay or producer at tcp://relay:5557: waiting",
    ]


def test_who_is_there_in_time_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence((RELAY, "inproc://relay"))
    absence.end(RELAY)
    absence.warn()
    assert caplog.messages == []


def test_who_comes_late_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence((RELAY, OTHER))
    absence.warn()
    caplog.clear()
    for endpoint in (RELAY, RELAY, "tcp://10.0.0.1:5557"):
        absence.end(endpoint)
    assert caplog.messages == ["a relay or producer is at tcp://relay:5557"]


@pytest.mark.parametrize(("host", "stranger_there"), [("localhost", False), ("127.0.0.1", True)])
async def test_a_relay_that_is_not_there_is_named_once_and_so_is_that_it_came(
    host: str,
    *,
    stranger_there: bool,
    context: Context,
    loop: asyncio.AbstractEventLoop,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamer.channels.feed.ABSENT_S", 0.1)
    with socket.socket() as stranger, context.socket(zmq.XPUB) as relay:
        stranger.bind(("127.0.0.1", 0))
        if stranger_there:  # takes connections, and speaks no ZeroMQ
            stranger.listen()
        port = stranger.getsockname()[1]
        endpoint = f"tcp://{host}:{port}"
        settings = Settings(connect_frames=(endpoint,))
        feed = Feed(context, settings, "node", Node().hub, time.monotonic, loop)
        feed.start()
        await _until(lambda: bool(caplog.messages))
        assert caplog.messages == [f"no relay or producer at {endpoint}: waiting"]
        stranger.close()
        await _until(lambda: _binds(relay, f"tcp://127.0.0.1:{port}"))
        await _until(lambda: len(caplog.messages) > 1)
        assert caplog.messages[1:] == [f"a relay or producer is at {endpoint}"]
        feed.close()


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():
            await asyncio.sleep(0.001)


def _binds(sock: zmq.Socket[bytes], endpoint: str) -> bool:
    try:
        sock.bind(endpoint)
    except zmq.ZMQError:
        return False
    return True
