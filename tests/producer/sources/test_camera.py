"""Cameras over HTTP, as they are: each test talks to a real server on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from producer.sources import SourceOptions, open_source
from tests.producer.sources.camera_server import (
    MULTIPART,
    Request,
    part,
    serving,
    stream_of,
)
from tests.producer.sources.formats.test_huffman import without_tables
from tests.producer.sources.reading import STOP_S, bodies, jpeg, running, seconds_to_stop, taken

FRAMES = [jpeg(number) for number in range(3)]


def wire(*, eol: bytes = b"\r\n", length: int | None = 0, name: bytes = b"--frame") -> bytes:
    """All frames and a closing delimiter; `length` is added to each Content-Length."""
    parts = b""
    for frame in FRAMES:
        parts += name + eol + b"content-TYPE: image/jpeg" + eol
        if length is not None:
            parts += b"Content-length: %d" % (len(frame) + length) + eol
        parts += eol + frame + eol
    return parts + name + b"--" + eol


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(MULTIPART, wire(), id="good"),
        pytest.param(MULTIPART, wire(length=None), id="no Content-Length"),
        pytest.param(MULTIPART, wire(length=-9), id="Content-Length too small"),
        pytest.param(MULTIPART, wire(length=9), id="Content-Length too large"),
        pytest.param(MULTIPART, wire(eol=b"\n"), id="LF alone"),
        pytest.param(MULTIPART, b"hello\r\n" + wire(), id="preamble"),
        pytest.param(
            'multipart/x-mixed-replace;charset=utf-8;boundary="frame"', wire(), id="quoted"
        ),
        pytest.param(
            "multipart/x-mixed-replace; boundary=frame; charset=utf-8", wire(), id="not last"
        ),
        pytest.param("multipart/x-mixed-replace; boundary=--frame", wire(), id="with dashes"),
        pytest.param(
            "multipart/x-mixed-replace; boundary=--frame", wire(name=b"----frame"), id="four dashes"
        ),
        pytest.param("multipart/x-mixed-replace", wire(), id="no boundary named"),
        pytest.param(MULTIPART, wire()[: -len(b"--frame--\r\n")], id="no closing delimiter"),
    ],
)
def test_every_shape_of_stream_is_read(content_type: str, body: bytes) -> None:
    def script(request: Request) -> None:
        request.head(content_type)
        request.send(body)

    with serving(script) as server:
        assert bodies(server.url, 3) == FRAMES


def test_a_chunked_answer_is_read() -> None:
    def script(request: Request) -> None:
        request.protocol_version = "HTTP/1.1"
        request.head(MULTIPART, Transfer_Encoding="chunked")
        for start in range(0, len(wire()), 100):
            piece = wire()[start : start + 100]
            request.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        request.send(b"0\r\n\r\n")

    with serving(script) as server:
        assert bodies(server.url, 3) == FRAMES


def test_a_frame_is_not_held_back_until_more_comes() -> None:
    taken_first = threading.Event()

    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]).removesuffix(b"\r\n"))
        assert taken_first.wait(10)
        request.send(b"\r\n" + part(FRAMES[1]))
        request.hold()

    with serving(script) as server, running(open_source(server.url)) as (pictures, _stop):
        assert next(pictures).body == FRAMES[0]
        taken_first.set()
        assert next(pictures).body == FRAMES[1]


def test_type_and_time_of_a_part_are_kept_and_nothing_is_timed() -> None:
    now_s = int(time.time())

    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0], f"X-Timestamp: {now_s}.25"))
        request.send(
            b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi\r\n--frame"
        )
        request.hold()

    with serving(script) as server:
        first, second = taken(open_source(server.url), 2)
    assert (first.content_type, first.time_ns) == ("image/jpeg", now_s * 10**9 + 250_000_000)
    assert (second.content_type, second.time_ns, second.body) == ("text/plain", None, b"hi")
    assert first.offset_s is second.offset_s is None
    assert open_source(server.url).length is None


@pytest.mark.parametrize(
    "now_s", [lambda: 1234, lambda: time.time() - 2 * 86_400, lambda: time.time() + 2 * 86_400]
)
def test_a_time_far_from_now_is_none(now_s: Callable[[], float]) -> None:
    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0], f"X-Timestamp: {int(now_s())}"))
        request.hold()

    with serving(script) as server:
        (picture,) = taken(open_source(server.url), 1)
    assert picture.time_ns is None


@pytest.mark.parametrize(
    "named", ["image/jpg", "image/pjpeg", "Image/JPEG; q=1", "application/octet-stream"]
)
def test_an_odd_name_of_jpeg_is_put_right(named: str) -> None:
    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]).replace(b"image/jpeg", named.encode()))
        request.send(part(b"BMW").replace(b"image/jpeg", b"text/plain"))
        request.send(part(b"a model").replace(b"image/jpeg", b"model/gltf+json") + b"--frame--")

    with serving(script) as server:
        pictures = taken(open_source(server.url), 3)
    types = [picture.content_type for picture in pictures]
    assert types == ["image/jpeg", "text/plain", "model/gltf+json"]


@pytest.mark.parametrize("named", ["Content-Type: jpeg", "Content-Type: a, b", "X-No: x"])
def test_a_type_that_is_none_is_told_by_the_picture(named: str) -> None:
    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(b"--frame\r\n" + named.encode() + b"\r\n\r\n" + FRAMES[0])
        request.send(b"\r\n--frame\r\n\r\nno picture\r\n--frame--")

    with serving(script) as server:
        first, second = taken(open_source(server.url), 2)
    assert (first.content_type, first.body) == ("image/jpeg", FRAMES[0])
    assert (second.content_type, second.body) == ("application/octet-stream", b"no picture")


def test_no_more_pictures_than_fps_are_taken() -> None:
    with serving(stream_of(*FRAMES * 10)) as server:
        source = open_source(server.url, SourceOptions(fps=1))
        with running(source) as (pictures, stop):
            threading.Timer(0.3, stop.set).start()
            assert [picture.body for picture in pictures] == FRAMES[:1]


def test_a_stop_is_heeded_in_the_midst_of_a_silent_stream_and_the_camera_left() -> None:
    left = threading.Event()

    def script(request: Request) -> None:
        stream_of(FRAMES[0])(request)
        left.set()

    with serving(script) as server:
        assert seconds_to_stop(open_source(server.url), after=1) < STOP_S
        assert left.wait(5)
    assert not any(thread.name == "picture-source" for thread in threading.enumerate())


def test_runs_are_independent_of_each_other() -> None:
    with serving(stream_of(*FRAMES)) as server:
        source = open_source(server.url)
        with running(source) as (one, _), running(source) as (other, _):
            assert next(one).body == next(other).body == FRAMES[0]
        assert len(server.requests) == 2


def test_a_redirect_is_followed() -> None:
    def script(request: Request) -> None:
        if request.path == "/video":
            request.head(None, 302, Location="/moved", Content_Length="0")
        else:
            stream_of(*FRAMES)(request)

    with serving(script) as server:
        assert bodies(server.url, 3) == FRAMES


def test_a_still_image_without_tables_and_with_something_behind_it_is_an_image() -> None:
    body = without_tables(FRAMES[0]) + bytes(100)
    with serving(lambda request: request.answer("image/jpeg", body)) as server:
        assert bodies(server.url, 1) == [body]


def test_a_still_image_is_asked_for_again_and_again() -> None:
    numbers = iter(range(100))

    def script(request: Request) -> None:
        request.answer("image/jpeg", FRAMES[next(numbers)])

    with serving(script) as server:
        assert bodies(server.url, 3, SourceOptions(fps=100)) == FRAMES
