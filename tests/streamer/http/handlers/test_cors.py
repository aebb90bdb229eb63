"""Pages of other origins may read what the configuration lets them."""

from __future__ import annotations

import pytest

from streamer.configuration.settings import Settings
from tests.streamer.frames import frame
from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask

pytestmark = pytest.mark.gen_test(timeout=30)
PATHS = ["/", "/streams", "/streams/cam1", "/streams/cam1/snapshot", "/healthz", "/metrics"]
open_to_all = pytest.mark.parametrize("settings", [Settings(cors_origin="*")])
open_to_one = pytest.mark.parametrize("settings", [Settings(cors_origin="https://a.example")])
ORIGIN = "access-control-allow-origin"


@open_to_all
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_answer_may_be_read(ask: Ask, served: Served, path: str, method: str) -> None:
    served.publish(frame(1))
    viewer = await ask(path, method=method)
    assert viewer.status == 200
    assert viewer.headers[ORIGIN] == "*"
    assert "X-Timestamp" in viewer.headers["access-control-expose-headers"]


@open_to_one
@pytest.mark.parametrize("path", ["/streams/.bad", "/nothing", "/streams/.bad/snapshot"])
async def test_a_refusal_may_be_read_too(ask: Ask, path: str) -> None:
    viewer = await ask(path)
    assert viewer.status == 404
    assert viewer.headers[ORIGIN] == "https://a.example"


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_unless_configured_no_other_origin_reads_anything(
    ask: Ask, served: Served, path: str
) -> None:
    served.publish(frame(1))
    assert ORIGIN not in (await ask(path)).headers


@open_to_all
@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_a_preflight_is_told_what_is_allowed(ask: Ask, path: str) -> None:
    asked = ("Origin: https://b.example", "Access-Control-Request-Headers: x-token, range")
    viewer = await ask(path, asked, method="OPTIONS")
    assert viewer.status == 204
    assert viewer.headers[ORIGIN] == "*"
    assert viewer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert viewer.headers["access-control-allow-headers"] == "x-token, range"
    assert int(viewer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize("path", [*PATHS, "*"])
async def test_options_says_which_methods_there_are(ask: Ask, path: str) -> None:
    viewer = await ask(path, method="OPTIONS")
    assert viewer.status == 204
    assert viewer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "access-control-allow-methods" not in viewer.headers
