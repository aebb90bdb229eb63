"""`HEAD` answers as `GET` does, without the body."""

from __future__ import annotations

import pytest

from protocol import NewConnection
from tests.streamer.frames import frame
from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_stream_answers_with_its_headers_and_counts_no_client(
    ask: Ask, served: Served, version: str
) -> None:
    watched = (await ask()).headers
    viewer = await ask(method="HEAD", version=version)
    headers = viewer.headers
    assert viewer.status == 200
    assert {**headers, "date": ""} == {**watched, "date": ""}
    assert await viewer.rest() == b""
    assert len(served.of(NewConnection)) == 1
    assert served.hub.connections == 1


async def test_head_makes_no_stream_known(ask: Ask, served: Served) -> None:
    await ask("/streams/never", method="HEAD")
    assert served.hub.streams.get("never") is None


@pytest.mark.parametrize(
    "path", ["/", "/page/page.css", "/streams", "/healthz", "/readyz", "/metrics"]
)
async def test_other_paths_answer_with_the_headers_of_get(ask: Ask, path: str) -> None:
    viewer = await ask(path, ("Connection: close",), method="HEAD")
    assert viewer.status == 200
    assert int(viewer.headers["content-length"]) > 0
    assert await viewer.rest() == b""


async def test_a_snapshot_answers_with_the_headers_of_get(ask: Ask, served: Served) -> None:
    served.publish(frame(1, 5000))
    viewer = await ask("/streams/cam1/snapshot", ("Connection: close",), method="HEAD")
    assert viewer.status == 200
    assert viewer.headers["content-length"] == "5000"
    assert viewer.headers["content-type"] == "image/jpeg"
    assert await viewer.rest() == b""


@pytest.mark.parametrize("path", ["/streams/.bad", "/nothing", "/streams/.bad/snapshot"])
async def test_what_is_not_there_is_not_there_for_head_either(ask: Ask, path: str) -> None:
    viewer = await ask(path, ("Connection: close",), method="HEAD")
    assert viewer.status == 404
    assert await viewer.rest() == b""
