"""`GET /streams/<stream>`, byte for byte."""

from __future__ import annotations

import pytest

from protocol import ClosedConnection, CloseReason, NewConnection, NoConnection
from streamer.configuration.settings import Settings, StreamSettings
from tests.streamer.frames import TOKEN, frame, jpeg, part, stop, text_frame
from tests.streamer.http.served import Served, eventually
from tests.streamer.http.viewer import Ask, Viewer

pytestmark = pytest.mark.gen_test(timeout=30)
FIRST = b"--" + TOKEN.encode()


async def test_the_answer_comes_at_once_before_the_first_frame(ask: Ask) -> None:
    viewer = await ask()
    assert viewer.head.startswith("HTTP/1.1 200 OK\r\n")
    assert await viewer.stream.read_bytes(len(FIRST)) == FIRST


async def test_the_body_is_identity_and_ends_with_the_connection(ask: Ask) -> None:
    headers = (await ask()).headers
    assert headers["connection"] == "close"
    assert headers["content-type"] == f"multipart/x-mixed-replace; boundary={TOKEN}"
    assert "no-store" in headers["cache-control"]
    assert headers["x-accel-buffering"] == "no"
    assert {"transfer-encoding", "content-length"}.isdisjoint(headers)


async def test_every_frame_comes_and_a_stop_closes_the_stream_strictly(
    ask: Ask, served: Served
) -> None:
    viewer = await ask()
    served.publish(*(frame(number, 1000 * number) for number in range(20)), stop())
    body = FIRST + b"".join(part(number, 1000 * number).plain for number in range(20)) + b"--\r\n"
    assert await viewer.rest() == body


async def test_who_joins_gets_the_last_frame_at_once(ask: Ask, served: Served) -> None:
    served.publish(frame(1), frame(2))
    viewer = await ask()
    assert await viewer.parts(1) == [2]


async def test_large_frames_come_whole(ask: Ask, served: Served) -> None:
    viewer = await ask()
    for number in range(3):
        served.publish(frame(number, 1_000_000))
        await viewer.parts(number + 1)
    assert [len(each.body) for each in viewer.body.parts] == [1_000_000] * 3


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("headers", [(), ("Connection: keep-alive",), ("Accept-Encoding: gzip",)])
async def test_every_version_of_http_gets_the_same_form(
    ask: Ask, served: Served, version: str, headers: tuple[str, ...]
) -> None:
    viewer = await ask("/streams/cam1", headers, version=version)
    assert viewer.headers["connection"] == "close"
    assert {"transfer-encoding", "content-encoding"}.isdisjoint(viewer.headers)
    served.publish(frame(1), stop())
    assert await viewer.rest() == FIRST + part(1).plain + b"--\r\n"


@pytest.mark.parametrize(
    "path",
    [
        "/streams/cam1",
        "/streams/cam%31",
        "/streams/%63am1",
        "/streams/cam1?",
        "/streams/cam1?&&=x&=&nobody=knows",
        "http://proxied.example/streams/cam1?x=1",
        "https://[::1]:8080/streams/cam%31",
    ],
)
async def test_a_stream_goes_by_its_name_however_that_is_spelled(
    ask: Ask, served: Served, path: str
) -> None:
    viewer = await ask(path)
    assert viewer.status == 200
    assert served.of(NewConnection)[0].stream == "cam1"


async def test_the_query_goes_to_the_producers_the_last_value_of_each_name(
    ask: Ask, served: Served
) -> None:
    await ask("/streams/cam1?from=3&from=%C3%BC+5&=x&flag&advance_headers=0")
    (opened,) = served.of(NewConnection)
    assert opened.query == {"from": "ü 5", "flag": "", "advance_headers": "0"}


async def test_the_viewers_address_goes_to_the_producers(ask: Ask, served: Served) -> None:
    viewer = await ask()
    host, port = viewer.stream.socket.getsockname()
    assert served.of(NewConnection)[0].peer == f"{host}:{port}"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(
            streams=(
                (
                    "cam*",
                    StreamSettings(
                        status_code=206,
                        headers={"X-Camera": "door"},
                        part_headers={"X-Site": "gate 3"},
                        content_type="text/plain",
                    ),
                ),
            )
        )
    ],
)
async def test_status_headers_and_type_are_those_of_the_configuration(
    ask: Ask, served: Served
) -> None:
    served.publish(text_frame(1))
    viewer = await ask()
    assert viewer.head.startswith("HTTP/1.1 206 Partial Content\r\n")
    assert viewer.headers["x-camera"] == "door"
    await viewer.parts(1)
    assert viewer.body.parts[0].headers == {
        "Content-Type": "text/plain",
        "Content-Length": "14",
        "X-Site": "gate 3",
    }


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?advance_headers=1", ()),
        ("", ("Sec-Fetch-Dest: image", "Accept: */*")),
        ("", ("Sec-Fetch-Dest: document",)),
        ("", ("Accept: image/avif,image/webp,*/*",)),
        ("", ("Accept: text/html",)),
    ],
)
async def test_browsers_get_the_next_headers_in_advance(
    ask: Ask, served: Served, query: str, headers: tuple[str, ...]
) -> None:
    viewer = await ask(f"/streams/cam1{query}", headers)
    served.publish(frame(1), frame(2), stop())
    body = FIRST + part(1).opening + part(2).filling + part(2).last_filling + b"--\r\n"
    assert await viewer.rest() == body


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", ()),
        ("", ("Accept: */*",)),
        ("?advance_headers=0", ("Sec-Fetch-Dest: image",)),
        ("", ("Sec-Fetch-Dest: empty", "Accept: image/*")),
    ],
)
async def test_programs_get_parts_as_they_are(
    ask: Ask, served: Served, query: str, headers: tuple[str, ...]
) -> None:
    viewer = await ask(f"/streams/cam1{query}", headers)
    served.publish(frame(1), stop())
    assert await viewer.rest() == FIRST + part(1).plain + b"--\r\n"


async def test_a_viewer_that_leaves_is_noticed(ask: Ask, served: Served) -> None:
    viewer = await ask()
    served.publish(frame(1))
    await viewer.parts(1)
    viewer.close()
    await served.watched_by(0)
    (closed,) = served.of(ClosedConnection)
    assert (closed.reason, closed.parts, closed.bytes) == (CloseReason.CLIENT, 1, len(jpeg(1)))
    assert served.events[-1] == NoConnection("cam1")


async def test_whatever_a_viewer_says_behind_its_request_is_no_matter(
    ask: Ask, served: Served
) -> None:
    viewer = await ask(behind=b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
    await viewer.stream.write(b"more")
    served.publish(frame(1), stop())
    assert await viewer.rest() == FIRST + part(1).plain + b"--\r\n"


async def test_a_viewer_that_has_gone_before_its_answer_is_no_client(
    ask: Ask, served: Served, http_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    for method in ("GET", "HEAD"):
        viewer = await Viewer.connect(http_port)
        await viewer.stream.write(f"{method} /streams/cam1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        viewer.close()
    await ask("/healthz")
    await served.watched_by(0)
    assert len(served.of(NewConnection)) == len(served.of(ClosedConnection))
    assert [each for each in caplog.records if each.exc_info] == []


async def test_after_a_stop_the_viewer_closes_and_nothing_is_left(ask: Ask, served: Served) -> None:
    viewers = [await ask() for _ in range(3)]
    served.publish(stop())
    for viewer in viewers:
        assert await viewer.rest() == FIRST + b"--\r\n"
        viewer.close()
    await served.watched_by(0)
    assert [each.reason for each in served.of(ClosedConnection)] == [CloseReason.STOP] * 3
    await eventually(lambda: not served.tasks, "tasks to end")
