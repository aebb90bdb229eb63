"""The same stream over HTTPS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tornado.iostream import IOStream
from tornado.tcpclient import TCPClient

from protocol import ClosedConnection, CloseReason, NewConnection
from tests.streamer.frames import TOKEN, frame, part, stop
from tests.streamer.http.served import PATIENCE_S, Served
from tests.streamer.http.viewer import Viewer

pytestmark = pytest.mark.gen_test(timeout=30)


@asynccontextmanager
async def asking(port: int, path: str) -> AsyncIterator[Viewer]:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(PATIENCE_S):
        stream: IOStream = await TCPClient().connect("127.0.0.1", port, ssl_options=trusting)
    viewer = Viewer(stream)
    await stream.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    await viewer.read_head()
    yield viewer
    viewer.close()


async def test_every_frame_comes_and_the_end_is_clean(
    https_server: object, https_port: int, served: Served
) -> None:
    async with asking(https_port, "/streams/cam1") as viewer:
        assert viewer.status == 200
        served.publish(frame(1), frame(2, 500_000))
        assert await viewer.parts(2) == [1, 2]
        served.publish(stop())
        body = part(1).plain + part(2, 500_000).plain
        assert await viewer.rest() == b"--" + TOKEN.encode() + body + b"--\r\n"
    await served.watched_by(0)
    assert served.of(NewConnection)[0].peer.startswith("127.0.0.1:")
    assert [each.reason for each in served.of(ClosedConnection)] == [CloseReason.STOP]


async def test_a_snapshot_comes_too(https_server: object, https_port: int, served: Served) -> None:
    served.publish(frame(1, 100_000))
    async with asking(https_port, "/streams/cam1/snapshot") as viewer:
        assert len(await viewer.answer()) == 100_000
