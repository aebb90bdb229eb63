"""How a service starts, or says why it does not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from streamer.service import new_node_id

from .running import Running, refused_start

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_it_announces_the_addresses_that_it_really_uses() -> None:
    async with Running() as running:
        assert running.addresses.http.startswith("http://127.0.0.1:")
        assert running.port > 0
        (frames,) = running.addresses.frames
        (events,) = running.addresses.events
        assert frames.startswith("tcp://127.0.0.1:")
        assert len({frames, events}) == 2
        assert not frames.endswith((":0", ":*"))


async def test_what_is_announced_is_ready() -> None:
    async with Running() as running:
        assert await running.status("/readyz") == 200
        assert await running.status("/healthz") == 200


async def test_it_may_connect_in_place_of_binding() -> None:
    relays = ("tcp://127.0.0.1:9", "tcp://127.0.0.1:8")
    async with Running(bind_frames="", connect_frames=relays) as running:
        assert running.addresses.frames == list(relays)
        assert await running.status("/readyz") == 200


async def test_ipv6_is_shown_in_brackets() -> None:
    async with Running(http="[::1]:0") as running:
        assert running.addresses.http.startswith("http://[::1]:")


async def test_it_serves_https_where_it_has_a_certificate(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    async with Running(tls_cert=str(chain), tls_key=str(key)) as running:
        assert running.addresses.http.startswith("https://127.0.0.1:")


async def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = await refused_start(http=address)
        assert refused.problem == f"http {address}: Address already in use"


@pytest.mark.parametrize("channel", ["frames", "events"])
async def test_an_endpoint_in_use_is_named(channel: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        refused = await refused_start(**{f"bind_{channel}": url})
        assert refused.problem == f"{url}: Address already in use"


@pytest.mark.parametrize("http", ["no.such.host.invalid:8080", "203.0.113.1:80"])
async def test_a_host_that_is_not_ours_is_named(http: str) -> None:
    assert (await refused_start(http=http)).problem.startswith(f"http {http}: ")


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_certificate_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "chain.pem"
    if content is not None:
        path.write_bytes(content)
    refused = await refused_start(tls_cert=str(path), tls_key=str(path))
    assert refused.problem.startswith(f"tls_cert {path}: ")


@pytest.mark.parametrize("key", ["http", "bind_frames", "bind_events", "tls_cert"])
async def test_a_start_that_failed_leaves_nothing_open(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {
            "http": {"http": address},
            "bind_frames": {"bind_frames": f"tcp://{address}"},
            "bind_events": {"bind_events": f"tcp://{address}"},
            "tls_cert": {"tls_cert": "/nowhere", "tls_key": "/nowhere"},
        }[key]
        assert (await refused_start(**settings)).left_open == []


async def test_each_start_is_a_node_of_its_own() -> None:
    ids = {new_node_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(4 <= len(each) <= 16 and each.isalnum() and each.islower() for each in ids)
