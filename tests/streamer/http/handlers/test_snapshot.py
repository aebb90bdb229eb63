"""`GET /streams/<stream>/snapshot`: the newest frame alone."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.iostream import StreamClosedError

from protocol import ClosedConnection, CloseReason, NewConnection
from streamer.configuration.settings import Settings
from tests.streamer.frames import frame, frame_for, jpeg, stop, text_frame
from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask

pytestmark = pytest.mark.gen_test(timeout=30)
SNAPSHOT = "/streams/cam1/snapshot"


async def test_the_newest_frame_comes_at_once_with_its_type_and_time(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    served.publish(frame(1), frame(2, 5000, time=1_700_000_000_123_456_789))
    answer = await http_client.fetch(base_url + SNAPSHOT)
    assert answer.body == jpeg(2, 5000)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == "5000"
    assert answer.headers["X-Timestamp"] == "1700000000.123456"
    assert "no-store" in answer.headers["Cache-Control"]
    assert served.events == []


async def test_a_snapshot_may_be_anything_that_was_published(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    served.publish(text_frame(1))
    answer = await http_client.fetch(base_url + SNAPSHOT)
    assert answer.headers["Content-Type"] == "text/plain"
    assert "X-Timestamp" not in answer.headers
    assert answer.body == b"00000001 words"


@pytest.mark.parametrize(
    "condition",
    ["Range: bytes=0-9", "If-None-Match: *", "If-Modified-Since: Fri, 1 Jan 2100 00:00:00 GMT"],
)
async def test_it_is_a_new_picture_and_whole_whatever_the_client_has(
    ask: Ask, served: Served, condition: str
) -> None:
    served.publish(frame(1, 5000))
    for _ in range(2):
        viewer = await ask("/streams/cam1/snapshot", (condition,))
        assert viewer.status == 200
        assert {"etag", "last-modified"}.isdisjoint(viewer.headers)
        assert len(await viewer.answer()) == 5000


@pytest.mark.parametrize("query", ["", "?fresh=1"])
async def test_where_there_is_none_the_first_that_comes_is_waited_for(
    http_client: AsyncHTTPClient, base_url: str, served: Served, query: str
) -> None:
    asked = asyncio.ensure_future(http_client.fetch(base_url + SNAPSHOT + query))
    await served.watched_by(1)
    served.publish(frame(7))
    assert (await asked).body == jpeg(7)


async def test_a_fresh_one_is_newer_than_the_request(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    served.publish(frame(1))
    asked = asyncio.ensure_future(http_client.fetch(f"{base_url}{SNAPSHOT}?fresh=1"))
    await served.watched_by(1)
    for _ in range(30):  # a repeat of the old one is no news
        served.hub.upkeep.tick(time.monotonic() + 60)
        served.settle()
    assert not asked.done()
    served.publish(frame(2), frame(3))
    assert (await asked).body == jpeg(2)


@pytest.mark.parametrize("query", ["?fresh=0", "?fresh", "?fresh=1&fresh=0", "?other=1"])
async def test_what_does_not_ask_for_a_fresh_one_gets_the_last(
    http_client: AsyncHTTPClient, base_url: str, served: Served, query: str
) -> None:
    served.publish(frame(1))
    assert (await http_client.fetch(base_url + SNAPSHOT + query)).body == jpeg(1)


async def test_who_waits_counts_as_a_client_and_may_be_sent_a_frame_of_its_own(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    asked = asyncio.ensure_future(http_client.fetch(f"{base_url}{SNAPSHOT}?n=5"))
    await served.watched_by(1)
    (opened,) = served.of(NewConnection)
    assert (opened.query, opened.connections) == ({"n": "5"}, 1)
    served.publish(frame_for(opened.client, 9))
    assert (await asked).body == jpeg(9)
    await served.watched_by(0)
    (closed,) = served.of(ClosedConnection)
    assert (closed.client, closed.reason, closed.parts) == (opened.client, CloseReason.CLIENT, 1)


async def test_where_none_comes_within_four_seconds_it_is_refused_for_now(
    ask: Ask, served: Served
) -> None:
    served.publish(frame(1, stream="old"))
    began = time.monotonic()
    program, browser, fresh = await asyncio.gather(
        ask(SNAPSHOT, ("Accept: image/jpeg",)),
        ask(SNAPSHOT, ("Accept: text/html,image/*",)),
        ask("/streams/old/snapshot?fresh=1"),
    )
    assert time.monotonic() - began > 3.9
    for each in (program, browser, fresh):
        assert each.status == 503
        assert int(each.headers["retry-after"]) > 0
        assert each.headers["cache-control"] == "no-store"
    assert "4 s" in json.loads(await program.answer())["error"]
    assert browser.headers["content-type"].startswith("text/html")
    assert b"4 s" in await browser.answer()
    await served.watched_by(0)


async def test_who_takes_nothing_of_it_is_closed(
    ask: Ask, served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streamer.http.handlers.base.SEND_S", 0.0)
    served.publish(frame(1, 20_000_000))
    slow = await ask(SNAPSHOT, receive_buffer=4096)
    with pytest.raises(StreamClosedError):
        await slow.stream.read_bytes(20_000_000)
    assert await (await ask("/healthz")).answer()
    assert not [each for each in caplog.records if each.exc_info]


async def test_a_stop_goes_on_with_the_wait_for_the_next_run(ask: Ask, served: Served) -> None:
    asked = asyncio.ensure_future(ask(SNAPSHOT))
    await served.watched_by(1)
    served.publish(stop(), frame(1))
    assert await (await asked).answer() == jpeg(1)


async def test_asking_for_the_headers_waits_for_no_picture_and_counts_no_client(
    ask: Ask, served: Served
) -> None:
    assert (await ask(SNAPSHOT, method="HEAD")).status == 503
    assert served.of(NewConnection) == []


async def test_after_a_stop_there_is_no_last_frame(ask: Ask, served: Served) -> None:
    served.publish(frame(1), stop())
    asked = asyncio.ensure_future(ask(SNAPSHOT))
    await served.watched_by(1)
    served.publish(frame(2))
    assert await (await asked).answer() == jpeg(2)


async def test_who_gives_up_waits_no_longer(
    ask: Ask, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await ask("/healthz")
    await viewer.answer()
    await viewer.stream.write(f"GET {SNAPSHOT} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    await served.watched_by(1)
    viewer.close()
    await served.watched_by(0)
    served.publish(frame(1))
    await ask("/healthz")
    assert [each for each in caplog.records if each.exc_info] == []


@pytest.mark.parametrize("settings", [Settings(allow_streams=("cam*",))])
@pytest.mark.parametrize("stream", [".bad", "a%2Fb", "garden", "x" * 65])
async def test_what_is_no_stream_has_no_snapshot(ask: Ask, stream: str) -> None:
    viewer = await ask(f"/streams/{stream}/snapshot")
    assert viewer.status == 404
    assert "no stream" in json.loads(await viewer.answer())["error"]


@pytest.mark.parametrize("settings", [Settings(max_clients=1, max_streams=2)])
async def test_at_a_limit_nobody_waits_but_the_last_frame_is_there(
    ask: Ask, served: Served
) -> None:
    await ask("/streams/cam2")
    waiting = await ask(SNAPSHOT)
    assert waiting.status == 503
    assert "max_clients = 1" in json.loads(await waiting.answer())["error"]
    served.publish(frame(1))
    assert (await ask(SNAPSHOT)).status == 200
