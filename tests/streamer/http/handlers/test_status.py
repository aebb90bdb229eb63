"""How the service is doing: the page, the list, health and metrics."""

from __future__ import annotations

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient

from streamer.configuration.settings import Settings, StreamSettings
from tests.streamer.frames import frame
from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_the_page_is_html(http_client: AsyncHTTPClient, base_url: str) -> None:
    answer = await http_client.fetch(base_url + "/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<!doctype html" in answer.body.lower()
    assert b"streams" in answer.body


async def test_what_the_page_is_made_of_comes_with_its_type(
    http_client: AsyncHTTPClient, base_url: str
) -> None:
    page = (await http_client.fetch(base_url + "/")).body.decode()
    files = re.findall(r"(?:src|href)=[\"']?(/?page/[a-z]+\.(?:css|js))", page)
    assert files
    for file in files:
        answer = await http_client.fetch(f"{base_url}/{file.lstrip('/')}")
        kind = "text/css" if file.endswith(".css") else "text/javascript"
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("file", ["none.js", "page.html", "..%2Fsite.py", "..%2Fpage%2Fx.js", ""])
async def test_the_page_has_no_other_files(ask: Ask, file: str) -> None:
    assert (await ask(f"/page/{file}")).status == 404


async def test_the_list_tells_of_every_stream_that_was_published_or_watched(
    ask: Ask, http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    viewer = await ask("/streams/cam1")
    served.publish(frame(1, 1000), frame(1, stream="cam2"))
    await viewer.parts(1)
    answer = await http_client.fetch(base_url + "/streams")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    streams = json.loads(answer.body)["streams"]
    assert list(streams) == ["cam1", "cam2"]
    cam1 = streams["cam1"]
    assert cam1.pop("age") >= 0
    assert cam1.pop("fps") == 0
    assert cam1 == {
        "status": "blue",
        "connections": 1,
        "parts": 1,
        "skipped": 0,
        "bytes": 1000,
        "repeats": 0,
        "frames": 1,
        "content_type": "image/jpeg",
        "overload": "latest",
    }
    assert (streams["cam2"]["status"], streams["cam2"]["connections"]) == ("grey", 0)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(
            streams=(("door", StreamSettings()), ("cam*", StreamSettings())),
            allow_streams=("cam*", "door", "yard"),
        )
    ],
)
async def test_streams_that_the_configuration_names_are_known_from_the_start(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    streams = json.loads((await http_client.fetch(base_url + "/streams")).body)["streams"]
    assert list(streams) == ["door", "yard"]
    assert streams["door"]["status"] == "grey"
    assert streams["door"]["age"] is None


async def test_a_request_that_is_refused_makes_no_stream_known(
    ask: Ask, http_client: AsyncHTTPClient, base_url: str
) -> None:
    await ask("/streams/.bad")
    await ask("/streams/never", method="HEAD")
    assert json.loads((await http_client.fetch(base_url + "/streams")).body)["streams"] == {}


async def test_who_is_alive_says_so_ready_or_not(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    for served.ready in (False, True):
        assert (await http_client.fetch(base_url + "/healthz")).code == 200


async def test_readiness_is_told_apart(
    http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    assert (await http_client.fetch(base_url + "/readyz")).code == 200
    served.ready = False
    answer = await http_client.fetch(base_url + "/readyz", raise_error=False)
    assert answer.code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert json.loads(answer.body)["error"]


async def test_metrics_are_what_prometheus_reads(
    ask: Ask, http_client: AsyncHTTPClient, base_url: str, served: Served
) -> None:
    viewer = await ask()
    served.publish(frame(1, 1000))
    await viewer.parts(1)
    answer = await http_client.fetch(base_url + "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {
        (each.name, each.labels.get("stream")): each.value
        for family in text_string_to_metric_families(answer.body.decode())
        for each in family.samples
    }
    assert samples["partcast_clients", "cam1"] == 1
    assert samples["partcast_parts_total", "cam1"] == 1
    assert samples["partcast_payload_bytes_total", "cam1"] == 1000


async def test_a_kept_connection_may_ask_again(ask: Ask) -> None:
    viewer = await ask("/healthz")
    for path in ("/readyz", "/streams", "/nothing", "/metrics"):
        await viewer.answer()
        await viewer.stream.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        await viewer.read_head()
    assert viewer.status == 200
