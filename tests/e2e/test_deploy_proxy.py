"""The deployment's proxy, run from its very file, in front of two real streamers."""

from __future__ import annotations

import json
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zmq

from .processes import Command, Events, Publisher, Starter, Viewer, eventually, jpeg, number_of
from .proxying import Curl, Proxy, make_certificate, proxying

Context = zmq.Context[zmq.Socket[bytes]]
# Nothing but the frame itself may paint a picture.
NO_REPEAT = '[streams."*"]\nrepeat_after_s = 0\n'


@dataclass
class Site:
    """Two streamers behind a relay, and the proxy in front of them."""

    relay: Command
    nodes: list[Command]
    proxy: Proxy

    def connections(self) -> list[int]:
        """Returns how many clients each streamer has."""
        every = [node.streams().get("cam1", {}) for node in self.nodes]
        return [int(each.get("connections", 0)) for each in every]


@pytest.fixture
def site(start: Starter, tmp_path: Path) -> Iterator[Site]:
    relay = start.relay()
    ends = (
        "--connect-frames",
        relay.addresses["streamer-frames"],
        "--connect-events",
        relay.addresses["streamer-events"],
    )
    nodes = [start.streamer(*ends, "--trust-proxy", config=NO_REPEAT) for _ in range(2)]
    with proxying(tmp_path, *(node.port for node in nodes)) as proxy:
        yield Site(relay, nodes, proxy)


@pytest.fixture
def publisher(site: Site, context: Context) -> Publisher:
    publisher = Publisher(context, site.relay.addresses["producer-frames"])
    publisher.wait_for_nodes(2)
    publisher.wait_for(b"all/cam1/")
    return publisher


@pytest.fixture
def curl() -> Iterator[Callable[..., Curl]]:
    started: list[Curl] = []

    def run(url: str, *arguments: str) -> Curl:
        started.append(Curl(url, *arguments))
        return started[-1]

    yield run
    for each in started:
        each.close()


def test_a_single_frame_arrives_at_once_and_the_body_stays_as_the_streamer_made_it(
    site: Site, publisher: Publisher
) -> None:
    viewer = Viewer(site.proxy.port, "/streams/cam1")
    eventually(lambda: sum(site.connections()) == 1, "a client")
    sent = time.monotonic()
    publisher.send("all/cam1/", jpeg(1, 300))
    assert number_of(viewer.parts(1)[0].body) == 1
    assert time.monotonic() - sent < 2
    assert "Connection: close\r\n" in viewer.head
    assert "Transfer-Encoding" not in viewer.head
    publisher.send("all/cam1/", b"", type="stop", seq=0)
    assert viewer.rest() == []


def test_a_single_frame_arrives_at_once_over_tls_and_http_2(
    site: Site, publisher: Publisher, curl: Callable[..., Curl]
) -> None:
    viewer = curl(f"{site.proxy.https}/streams/cam1", "--http2")
    eventually(lambda: sum(site.connections()) == 1, "a client")
    sent = time.monotonic()
    publisher.send("all/cam1/", jpeg(1, 300))
    seen = viewer.wait_for(jpeg(1, 300))
    assert time.monotonic() - sent < 2
    assert seen.startswith(b"HTTP/2 200")
    assert b"content-type: multipart/x-mixed-replace; boundary=" in seen
    # The end, too, arrives: the closing delimiter, and the end of the response.
    publisher.send("all/cam1/", b"", type="stop")
    eventually(viewer.ended, "the response to end")
    assert viewer.close().endswith(b"--\r\n")


def test_the_streamers_know_the_clients_own_address_whatever_the_client_says(
    site: Site, context: Context, curl: Callable[..., Curl]
) -> None:
    events = Events(context, site.relay.addresses["producer-events"])
    claims = ("-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Real-IP: 192.0.2.2")
    curl(f"{site.proxy.http}/streams/cam1", "--interface", "127.0.0.9", *claims)
    (opened,) = events.wait_for(type="new_connection")
    assert opened["peer"] == "127.0.0.9"


def test_clients_go_where_the_fewest_are(site: Site, publisher: Publisher) -> None:
    viewers = [Viewer(site.proxy.port, "/streams/cam1") for _ in range(4)]
    eventually(lambda: site.connections() == [2, 2], "two clients on each node")
    # Every streamer has a delimiter of its own.
    of_one_node = [each for each in viewers if each.delimiter == viewers[0].delimiter]
    for viewer in of_one_node:
        viewer.close()
    eventually(lambda: sorted(site.connections()) == [0, 2], "a node without clients")
    for _ in range(2):
        Viewer(site.proxy.port, "/streams/cam1")
    eventually(lambda: site.connections() == [2, 2], "two clients on each node again")


def test_a_client_that_leaves_is_noticed_behind_the_proxy(site: Site, context: Context) -> None:
    events = Events(context, site.relay.addresses["producer-events"])
    viewer = Viewer(site.proxy.port, "/streams/cam1")
    events.wait_for(type="new_connection")
    viewer.close()
    events.wait_for(type="closed_connection", reason="client")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_a_node_ends_new_clients_go_to_the_other_whose_own_notice_nothing(
    site: Site, publisher: Publisher, number: int
) -> None:
    viewers = [Viewer(site.proxy.port, "/streams/cam1") for _ in range(4)]
    eventually(lambda: site.connections() == [2, 2], "two clients on each node")
    ending, staying = site.nodes
    ending.end(number)
    eventually(lambda: staying.streams()["cam1"]["connections"] == 2, "two clients left")
    late = [Viewer(site.proxy.port, "/streams/cam1") for _ in range(4)]
    assert {viewer.delimiter for viewer in late} < {viewer.delimiter for viewer in viewers}
    eventually(lambda: staying.streams()["cam1"]["connections"] == 6, "four clients more")
    publisher.send("all/cam1/", jpeg(5))
    assert [number_of(viewer.parts(1)[0].body) for viewer in late] == [5, 5, 5, 5]
    kept = [viewer for viewer in viewers if _next_number(viewer) == 5]
    assert len(kept) == 2


def test_nobody_new_comes_to_a_node_that_ends_its_clients_one_by_one(
    start: Starter, tmp_path: Path
) -> None:
    relay = start.relay()
    ends = (
        "--connect-frames",
        relay.addresses["streamer-frames"],
        "--connect-events",
        relay.addresses["streamer-events"],
    )
    nodes = [start.streamer(*ends, "--spread-s", "3") for _ in range(2)]
    with proxying(tmp_path, *(node.port for node in nodes)) as proxy:
        before = [Viewer(proxy.port, "/streams/cam1") for _ in range(4)]
        ending, staying = nodes
        ending.process.send_signal(signal.SIGTERM)
        eventually(lambda: _connections(ending) < 2, "the first client to be ended")
        # It has the fewest clients now, and gets no other.
        late = [Viewer(proxy.port, "/streams/cam1") for _ in range(4)]
        assert len({viewer.delimiter for viewer in late}) == 1
        assert _connections(staying) == 6
        assert ending.process.wait(20) == 0
        kept = {viewer.delimiter for viewer in late}
        assert sum(viewer.rest() == [] for viewer in before if viewer.delimiter not in kept) == 2


def _connections(node: Command) -> int:
    return int(node.streams().get("cam1", {}).get("connections", 0))


def _next_number(viewer: Viewer) -> int | None:
    """Returns the number of a viewer's next frame, None where its stream ended or broke off."""
    try:
        part = viewer.part()
    except AssertionError:
        return None
    return None if part is None else number_of(part.body)


def test_the_snapshot_of_a_silent_stream_shuts_no_node_out(site: Site) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(site.proxy, "/streams/silent/snapshot")
    with refused.value as answer:
        assert answer.code == 503
    for _ in range(2):
        Viewer(site.proxy.port, "/streams/cam1")
    eventually(lambda: site.connections() == [1, 1], "a client on each node")


def test_where_no_streamer_is_left_the_proxy_says_so_and_when_to_come_back(site: Site) -> None:
    for node in site.nodes:
        node.end()
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(site.proxy, "/streams/cam1")
    with refused.value as answer:
        assert answer.code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert json.load(answer) == {"error": "no streamer can be reached"}


def test_a_url_may_be_as_long_as_the_streamer_takes_it(site: Site) -> None:
    path = "/streams?" + "x" * (8192 - len("/streams?"))
    assert json.loads(_get(site.proxy, path)) is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(site.proxy, path + "x")
    with refused.value as answer:
        assert answer.code == 414
        # The streamer's own word, not nginx's.
        assert "error" in json.load(answer)


def test_the_figures_for_the_inside_stay_inside(site: Site) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(site.proxy, "/metrics")
    with refused.value as answer:
        assert answer.code == 404
    assert _get(site.proxy, "/proxy/healthz") == b"ok\n"


def test_a_renewed_certificate_is_shown_after_a_reload_that_disconnects_nobody(
    site: Site, publisher: Publisher, tmp_path: Path
) -> None:
    viewer = Viewer(site.proxy.port, "/streams/cam1")
    eventually(lambda: sum(site.connections()) == 1, "a client")
    before = _certificate(site.proxy)
    make_certificate(tmp_path)
    assert _certificate(site.proxy) == before
    site.proxy.process.send_signal(signal.SIGHUP)
    eventually(lambda: _certificate(site.proxy) != before, "the new certificate")
    publisher.send("all/cam1/", jpeg(1))
    assert number_of(viewer.parts(1)[0].body) == 1


def _certificate(proxy: Proxy) -> str:
    return ssl.get_server_certificate(("127.0.0.1", proxy.tls_port))


def _get(proxy: Proxy, path: str) -> bytes:
    with urllib.request.urlopen(proxy.http + path, timeout=20) as answer:
        return bytes(answer.read())
