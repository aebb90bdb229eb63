"""A relay as a service: begun, asked how it is, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import pytest
import zmq
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from streamer.errors import StartError
from streamer.relay.proxy import Proxy
from streamer.relay.service import RelayAddresses, run
from streamer.relay.settings import RelaySettings

ANYWHERE = "tcp://127.0.0.1:0"
Asked = Callable[[RelayAddresses], Coroutine[Any, Any, None]]


def _settings(**given: Any) -> RelaySettings:
    ends = ("producer_frames", "producer_events", "streamer_frames", "streamer_events")
    return RelaySettings(**{**dict.fromkeys(ends, ANYWHERE), **given})


async def _while_running(settings: RelaySettings, ask: Asked) -> None:
    """Runs a relay, asks it, and ends it."""
    shutdown = asyncio.Event()
    announced: asyncio.Future[RelayAddresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(settings, shutdown, announced.set_result))
        await ask(await announced)
        shutdown.set()


async def _get(addresses: RelayAddresses, path: str) -> str:
    answer = await AsyncHTTPClient().fetch(addresses.http + path)
    return answer.body.decode()


def test_it_announces_where_it_really_listens_and_ends_when_asked() -> None:
    seen: list[RelayAddresses] = []

    async def ask(addresses: RelayAddresses) -> None:
        seen.append(addresses)

    asyncio.run(_while_running(_settings(), ask))
    (addresses,) = seen
    assert addresses.http == ""
    urls = {
        addresses.producer_frames,
        addresses.producer_events,
        addresses.streamer_frames,
        addresses.streamer_events,
    }
    assert len(urls) == 4
    assert all(int(url.removeprefix("tcp://127.0.0.1:")) > 0 for url in urls)


def test_its_http_side_tells_that_it_is_alive_and_what_has_passed() -> None:
    async def ask(addresses: RelayAddresses) -> None:
        assert await _get(addresses, "/healthz") == "ok\n"
        assert await _get(addresses, "/readyz") == "ok\n"
        metrics = await _get(addresses, "/metrics")
        for channel in ("frames", "events"):
            for what in ("messages", "bytes", "delivered_messages", "delivered_bytes"):
                line = f'partcast_relay_{what}_total{{channel="{channel}"}} 0.0'
                assert line in metrics.splitlines()
        assert "process_resident_memory_bytes" in metrics

    asyncio.run(_while_running(_settings(http="127.0.0.1:0"), ask))


def test_a_proxy_that_ends_by_itself_ends_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Proxy] = []
    start = Proxy.start

    def note(proxy: Proxy) -> None:
        started.append(proxy)
        start(proxy)

    monkeypatch.setattr(Proxy, "start", note)

    async def end_one(addresses: RelayAddresses) -> None:
        started[0].stop()
        with pytest.raises(HTTPClientError) as refused:
            await _get(addresses, "/healthz")
        assert refused.value.code == HTTPStatus.SERVICE_UNAVAILABLE
        await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup) as ended:
        asyncio.run(_while_running(_settings(http="127.0.0.1:0"), end_one))
    (problem,) = ended.value.exceptions
    assert isinstance(problem, StartError)
    assert "proxy" in str(problem)


def test_an_endpoint_in_use_keeps_it_from_starting_and_is_named() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    taken = context.socket(zmq.XPUB)
    url = f"tcp://127.0.0.1:{taken.bind_to_random_port('tcp://127.0.0.1')}"
    for key in ("producer_frames", "producer_events", "streamer_frames", "streamer_events"):
        with pytest.raises(StartError, match=url):
            asyncio.run(run(_settings(**{key: url}), asyncio.Event(), lambda _: None))
    context.destroy(0)
