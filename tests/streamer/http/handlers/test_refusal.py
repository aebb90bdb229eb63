"""What is refused, and how that is said to programs and to people."""

from __future__ import annotations

import json

import pytest
from tornado.iostream import StreamClosedError

from protocol import NewConnection
from streamer.configuration.settings import Settings
from streamer.http.handlers.base import MAX_TARGET_BYTES
from tests.streamer.frames import frame
from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask, Viewer

pytestmark = pytest.mark.gen_test(timeout=30)
BAD_NAMES = [".bad", "-bad", "a%2Fb", "a%0Ab", "a%00b", "a%20b", "%FF", "%C3%BC", "x" * 65, "%"]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_bad_name_is_not_found(ask: Ask, served: Served, name: str) -> None:
    viewer = await ask(f"/streams/{name}")
    assert viewer.status == 404
    assert viewer.headers["content-type"] == "application/json"
    assert list(json.loads(await viewer.answer())) == ["error"]
    assert served.of(NewConnection) == []


@pytest.mark.parametrize("settings", [Settings(allow_streams=("cam*", "door"))])
async def test_a_stream_outside_the_allow_list_is_not_found(ask: Ask) -> None:
    assert (await ask("/streams/cam7")).status == 200
    assert (await ask("/streams/door")).status == 200
    viewer = await ask("/streams/garden")
    assert viewer.status == 404
    assert "garden" in json.loads(await viewer.answer())["error"]
    assert (await ask("/streams/garden", method="HEAD")).status == 404


@pytest.mark.parametrize("settings", [Settings(max_clients=2)])
async def test_one_client_too_many_may_come_later(ask: Ask, served: Served) -> None:
    first, _ = await ask(), await ask()
    refused = await ask()
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "max_clients = 2" in json.loads(await refused.answer())["error"]
    first.close()
    await served.watched_by(1)
    assert (await ask()).status == 200


@pytest.mark.parametrize("settings", [Settings(max_streams=1)])
async def test_one_stream_too_many_may_come_later(ask: Ask, served: Served) -> None:
    served.publish(frame(1))
    refused = await ask("/streams/cam2")
    assert refused.status == 503
    assert "max_streams = 1" in json.loads(await refused.answer())["error"]
    assert (await ask("/streams/cam1")).status == 200


@pytest.mark.parametrize("path", ["/nothing", "/streams/", "/streams/cam1/", "/streams/a/b", "//"])
async def test_other_paths_are_not_found(ask: Ask, path: str) -> None:
    viewer = await ask(path)
    assert viewer.status == 404
    assert "/streams" in json.loads(await viewer.answer())["error"]


@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8"])
async def test_a_browser_is_shown_a_page(ask: Ask, accept: str) -> None:
    viewer = await ask("/streams/%3Cscript%3E", (f"Accept: {accept}",))
    assert viewer.status == 404
    assert viewer.headers["content-type"].startswith("text/html")
    page = (await viewer.answer()).decode()
    assert "Not Found" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("headers", [(), ("Accept: */*",), ("Accept: application/json",)])
async def test_a_program_is_told_in_json(ask: Ask, headers: tuple[str, ...]) -> None:
    viewer = await ask("/nothing", headers)
    assert viewer.headers["content-type"] == "application/json"
    assert json.loads(await viewer.answer())["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "FOO"])
@pytest.mark.parametrize("path", ["/", "/streams", "/streams/cam1", "/streams/cam1/snapshot"])
async def test_other_methods_are_not_allowed(
    ask: Ask, served: Served, method: str, path: str
) -> None:
    viewer = await ask(path, ("Content-Length: 0",), method=method)
    assert viewer.status == 405
    assert viewer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert json.loads(await viewer.answer())["error"]
    assert served.events == []


async def test_a_refusal_is_not_cached(ask: Ask) -> None:
    assert (await ask("/streams/.bad")).headers["cache-control"] == "no-store"


async def test_a_refusal_leaves_the_connection_for_the_next_request(
    ask: Ask, served: Served
) -> None:
    viewer = await ask("/streams/.bad")
    await viewer.answer()
    await viewer.stream.write(b"GET /streams/cam1 HTTP/1.1\r\nHost: test\r\n\r\n")
    await viewer.read_head()
    assert viewer.status == 200
    served.publish(frame(1))
    assert await viewer.parts(1) == [1]


async def test_a_fault_of_ours_is_told_without_its_details_and_logged_with_them(
    ask: Ask, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.broken = True
    viewer = await ask("/streams")
    assert viewer.status == 500
    assert json.loads(await viewer.answer()) == {"error": "Internal Server Error"}
    assert "no figures" in caplog.text
    assert (await ask("/healthz")).status == 200


@pytest.mark.parametrize("request_line", [b"nonsense", b"GET", b"GET / HTTP/9.9"])
async def test_what_is_no_http_disturbs_nobody(
    ask: Ask, served: Served, request_line: bytes
) -> None:
    healthy = await ask()
    odd = await ask("/healthz")
    await odd.answer()
    await odd.stream.write(request_line + b"\r\n\r\n")
    await odd.rest()
    served.publish(frame(1))
    assert await healthy.parts(1) == [1]


@pytest.mark.parametrize("path", ["/", "/streams", "/streams/cam1", "/streams/cam1/snapshot", "/x"])
async def test_a_url_may_be_long_but_not_too_long(ask: Ask, served: Served, path: str) -> None:
    served.publish(frame(1))
    longest = f"{path}?x=".ljust(MAX_TARGET_BYTES, "y")
    assert (await ask(longest)).status == (404 if path == "/x" else 200)
    viewer = await ask(longest + "y")
    assert viewer.status == 414
    assert str(MAX_TARGET_BYTES) in json.loads(await viewer.answer())["error"]


@pytest.mark.parametrize("path", ["/", "/streams", "/streams/cam1", "/streams/cam1/snapshot"])
async def test_a_url_may_have_as_many_parameters_as_fit(
    ask: Ask, served: Served, path: str
) -> None:
    served.publish(frame(1))
    nameless = f"{path}?".ljust(MAX_TARGET_BYTES, "&")
    assert (await ask(nameless)).status == 200
    named = f"{path}?" + "&".join(f"p{number}=" for number in range(1_200))
    assert (await ask(named)).status == 200
    if path == "/streams/cam1":
        assert [len(each.query) for each in served.of(NewConnection)] == [0, 1_200]


async def test_a_head_that_grows_for_ever_is_cut_off(ask: Ask, served: Served) -> None:
    healthy, endless = await ask(), await ask("/healthz")
    await endless.answer()

    async def talk() -> None:
        while True:
            await endless.stream.write(b"X-Header: " + b"y" * 4096 + b"\r\n")

    with pytest.raises(StreamClosedError):
        await talk()
    served.publish(frame(1))
    assert await healthy.parts(1) == [1]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /streams HTTP/1.1",
        b"GET /streams HTTP/1.1\r\nHost: a b",
        b"GET /streams HTTP/1.1\r\nHost: a\r\nHost: b",
        b"POST /streams HTTP/1.1\r\nContent-Length: 0",
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_a_request_without_its_one_host_is_malformed(
    http_server: object, http_port: int, head: bytes, accept: str
) -> None:
    viewer = await Viewer.connect(http_port)
    await viewer.stream.write(head + f"\r\nAccept: {accept}\r\n\r\n".encode())
    await viewer.read_head()
    answer = (await viewer.answer()).decode()
    viewer.close()
    assert viewer.status == 400
    assert "ost header" in (answer if accept == "text/html" else json.loads(answer)["error"])


async def test_head_is_told_in_the_head_that_it_is_malformed(
    http_server: object, http_port: int
) -> None:
    viewer = await Viewer.connect(http_port)
    await viewer.stream.write(b"HEAD /streams HTTP/1.1\r\nConnection: close\r\n\r\n")
    await viewer.read_head()
    assert viewer.status == 400
    assert await viewer.rest() == b""
    viewer.close()
