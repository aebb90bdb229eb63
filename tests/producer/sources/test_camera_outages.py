"""Cameras that are away, silent, slow, or no cameras at all."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from producer.sources import SourceOptions, open_source
from tests.producer.sources.camera_server import (
    MULTIPART,
    Request,
    Script,
    in_turn,
    part,
    refusing,
    serving,
    stream_of,
)
from tests.producer.sources.reading import STOP_S, bodies, jpeg, seconds_to_stop

FRAMES = [jpeg(number) for number in range(3)]


@pytest.mark.usefixtures("_settled_at_once")
def test_a_login_refused_after_pictures_have_come_is_an_outage(
    log: pytest.LogCaptureFixture,
) -> None:
    def broken(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]))

    with serving(in_turn(broken, refusing(401), stream_of(FRAMES[1]))) as server:
        assert bodies(server.url, 2) == FRAMES[:2]
    assert [record.levelname for record in log.records] == ["WARNING", "INFO"]


@pytest.mark.usefixtures("_settled_at_once")
@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_a_camera_that_answers_an_error_is_asked_again(
    status: int, log: pytest.LogCaptureFixture
) -> None:
    with serving(in_turn(refusing(status), stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    lost, back = log.messages
    assert str(status) in lost
    assert "is lost" in lost
    assert "is back" in back


@pytest.mark.usefixtures("_settled_at_once")
def test_one_outage_is_told_once_however_long_it_lasts(log: pytest.LogCaptureFixture) -> None:
    def cut(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]) + part(FRAMES[1])[:200])

    with serving(in_turn(cut, refusing(503), stream_of(FRAMES[2]))) as server:
        assert bodies(server.url, 2) == [FRAMES[0], FRAMES[2]]
        assert len(server.requests) == 3
    assert [record.levelname for record in log.records] == ["WARNING", "INFO"]


def test_a_silent_camera_is_lost_after_the_read_timeout(log: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(stream_of(FRAMES[0]), stream_of(FRAMES[1]))) as server:
        assert bodies(server.url, 2, SourceOptions(read_timeout_s=0.2)) == FRAMES[:2]
    assert "silent for too long" in log.messages[0]


def test_a_camera_that_takes_its_time_to_answer_is_waited_for(
    log: pytest.LogCaptureFixture,
) -> None:
    def slow(request: Request) -> None:
        time.sleep(0.3)  # what a request timeout of a few milliseconds would not survive
        stream_of(*FRAMES)(request)

    with serving(slow) as server:
        assert bodies(server.url, 3) == FRAMES
        assert len(server.requests) == 1
    assert log.messages == []


def test_a_camera_that_never_answers_is_lost_after_the_read_timeout(
    log: pytest.LogCaptureFixture,
) -> None:
    with serving(in_turn(Request.hold, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3, SourceOptions(read_timeout_s=0.2)) == FRAMES
    assert "silent for too long" in log.messages[0]


def test_nobody_at_the_address_is_an_outage_that_can_be_stopped(
    log: pytest.LogCaptureFixture,
) -> None:
    with serving(stream_of()) as server:
        url = server.url
    told = "Connection refused"
    assert seconds_to_stop(open_source(url), after=0, once=lambda: told in log.text) < STOP_S
    assert told in log.text


def test_a_page_is_no_camera(log: pytest.LogCaptureFixture) -> None:
    page: Script = lambda request: request.answer("text/html", b"<html>")  # noqa: E731
    with serving(in_turn(page, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "answers text/html, not a multipart stream" in log.messages[0]


@pytest.mark.parametrize(
    "target", ["http://[::1", "http://127.0.0.1:99999/", f"http://{'a' * 70}.x/", "ftp://a.x/"]
)
def test_a_redirect_to_nowhere_is_an_outage(target: str, log: pytest.LogCaptureFixture) -> None:
    def astray(request: Request) -> None:
        request.head(None, 302, Location=target, Content_Length="0")

    with serving(in_turn(astray, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "is lost, trying again" in log.messages[0]


def test_an_image_that_is_none_is_not_published(log: pytest.LogCaptureFixture) -> None:
    fake: Script = lambda request: request.answer("image/jpeg", b"Busy")  # noqa: E731
    with serving(in_turn(fake, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "no image" in log.messages[0]


def test_an_image_that_is_cut_off_is_not_published(log: pytest.LogCaptureFixture) -> None:
    def cut(request: Request) -> None:
        request.head("image/jpeg")
        request.send(FRAMES[1][:-30])

    with serving(in_turn(cut, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "broken or cut off" in log.messages[0]


def test_a_stream_that_is_none_is_an_outage(log: pytest.LogCaptureFixture) -> None:
    def noise(request: Request) -> None:
        request.head(MULTIPART)
        request.send(b"noise " * 20_000)

    with serving(in_turn(noise, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "what precedes a delimiter" in log.messages[0]


def trickle(request: Request, piece: bytes, *, pause_s: float = 0.02) -> None:
    """Sends the same over and over until the other side has left."""
    with contextlib.suppress(OSError):
        while True:
            request.send(piece)
            time.sleep(pause_s)


def trickling_head(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    trickle(request, b"x")


def going_on_for_ever(request: Request) -> None:
    request.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    trickle(request, b"HTTP/1.1 100 Continue\r\n\r\n")


def trickling_part(request: Request) -> None:
    request.head(MULTIPART)
    request.send(part(FRAMES[0], length=False))
    request.send(b"--frame\r\n\r\n")
    trickle(request, b"x")


def trickling_still(request: Request) -> None:
    request.head("image/jpeg")
    trickle(request, b"x")


@pytest.mark.parametrize(
    ("script", "shown", "words"),
    [
        (trickling_head, [], "answer takes too long"),
        (going_on_for_ever, [], "answer takes too long"),
        (trickling_part, [FRAMES[0]], "no picture for too long"),
        (trickling_still, [], "no picture for too long"),
    ],
)
def test_what_trickles_without_a_picture_counts_as_silence(
    script: Script, shown: list[bytes], words: str, log: pytest.LogCaptureFixture
) -> None:
    options = SourceOptions(connect_timeout_s=0.2, read_timeout_s=0.2)
    expected = [*shown, FRAMES[1]]
    with serving(in_turn(script, stream_of(FRAMES[1]))) as server:
        assert bodies(server.url, len(expected), options) == expected
    assert words in log.messages[0]


def redirecting(request: Request) -> None:
    request.head(None, 302, Location="/moved")


def refusing_digest(request: Request) -> None:
    request.head(None, 401, WWW_Authenticate='Digest realm="x", nonce="y"')


@pytest.mark.parametrize("begin", [redirecting, refusing_digest])
def test_no_endless_body_is_read_but_that_of_a_picture(begin: Callable[[Request], None]) -> None:
    def endless(request: Request) -> None:
        begin(request)
        trickle(request, bytes(1000))

    with serving(in_turn(endless, endless, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3, SourceOptions(user="jo", password="secret")) == FRAMES
        assert len(server.requests) == 3


def test_a_camera_that_does_not_answer_is_left_at_once_at_a_stop() -> None:
    asked, left = threading.Event(), threading.Event()

    def silent(request: Request) -> None:
        asked.set()
        request.hold()
        left.set()

    with serving(silent) as server:
        assert seconds_to_stop(open_source(server.url), after=0, once=asked.is_set) < STOP_S
        assert left.wait(5)
