"""Cameras over HTTP, as they are: each test talks to a real server on loopback."""

import logging
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from producer.sources import SourceError, SourceOptions, open_source
from tests.producer.sources.camera_server import (
    MULTIPART,
    Request,
    Script,
    behind_basic,
    behind_digest,
    in_turn,
    part,
    refusing,
    serving,
    stream_of,
)
from tests.producer.sources.reading import STOP_S, jpeg, running, seconds_to_stop, taken

Guard: TypeAlias = Callable[[str, str, Script], Script]

FRAMES = [jpeg(number) for number in range(3)]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def bodies(url: str, count: int, options: SourceOptions | None = None) -> list[bytes]:
    return [picture.body for picture in taken(open_source(url, options), count)]


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
    def script(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0], "X-Timestamp: 1700000000.25"))
        request.send(
            b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi\r\n--frame"
        )
        request.hold()

    with serving(script) as server:
        first, second = taken(open_source(server.url), 2)
    assert (first.content_type, first.time_ns) == ("image/jpeg", 1_700_000_000_250_000_000)
    assert (second.content_type, second.time_ns, second.body) == ("text/plain", None, b"hi")
    assert first.offset_s is second.offset_s is None
    assert open_source(server.url).length is None


def test_no_more_pictures_than_fps_are_taken() -> None:
    with serving(stream_of(*FRAMES * 10)) as server:
        source = open_source(server.url, SourceOptions(fps=1))
        with running(source) as (pictures, stop):
            threading.Timer(0.3, stop.set).start()
            assert [picture.body for picture in pictures] == FRAMES[:1]


@pytest.mark.parametrize("scheme", [behind_basic, behind_digest])
def test_the_login_is_answered_as_the_camera_asks(scheme: Guard) -> None:
    guarded = scheme("jo", "päss:w@rd", stream_of(*FRAMES))
    with serving(guarded) as server:
        by_options = SourceOptions(user="jo", password="päss:w@rd")
        assert bodies(server.url, 3, by_options) == FRAMES
        by_url = server.url.replace("//", "//jo:p%C3%A4ss%3Aw%40rd@")
        assert bodies(by_url, 3) == FRAMES
        assert server.requests[0].headers["Authorization"] is None


def test_a_camera_that_offers_both_logins_is_not_told_the_password() -> None:
    guarded = behind_digest("jo", "secret", stream_of(*FRAMES), or_basic=True)
    with serving(guarded) as server:
        assert bodies(server.url, 3, SourceOptions(user="jo", password="secret")) == FRAMES
        sent = [request.headers.get("Authorization") or "" for request in server.requests]
    assert not any(header.startswith("Basic") for header in sent)


@pytest.mark.parametrize("scheme", [behind_basic, behind_digest])
@pytest.mark.parametrize("options", [SourceOptions(), SourceOptions(user="jo", password="wrong")])
def test_a_wrong_login_is_an_error_that_says_so(scheme: Guard, options: SourceOptions) -> None:
    with (
        serving(scheme("jo", "secret", stream_of(*FRAMES))) as server,
        pytest.raises(SourceError, match=r"401.*user and password"),
    ):
        taken(open_source(server.url, options), 1)


def test_a_login_refused_after_pictures_have_come_is_an_outage(
    log: pytest.LogCaptureFixture,
) -> None:
    def broken(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]))

    with serving(in_turn(broken, refusing(401), stream_of(FRAMES[1]))) as server:
        assert bodies(server.url, 2) == FRAMES[:2]
    assert [record.levelname for record in log.records] == ["WARNING", "INFO"]


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


def test_one_outage_is_told_once_however_long_it_lasts(log: pytest.LogCaptureFixture) -> None:
    def cut(request: Request) -> None:
        request.head(MULTIPART)
        request.send(part(FRAMES[0]) + part(FRAMES[1])[:200])

    with serving(in_turn(cut, refusing(503), stream_of(FRAMES[2]))) as server:
        assert bodies(server.url, 2) == [FRAMES[0], FRAMES[2]]
        assert len(server.requests) == 3
    assert [record.levelname for record in log.records] == ["WARNING", "INFO"]


def test_neither_login_nor_query_is_logged(log: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(refusing(503), stream_of(*FRAMES))) as server:
        url = server.url.replace("//", "//jo:secret@") + "?pwd=secret"
        assert bodies(url, 3) == FRAMES
        assert server.requests[-1].path == "/video?pwd=secret"
    assert "secret" not in log.text
    assert "/video is lost" in log.text


def test_a_silent_camera_is_lost_after_the_read_timeout(log: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(stream_of(FRAMES[0]), stream_of(FRAMES[1]))) as server:
        assert bodies(server.url, 2, SourceOptions(read_timeout_s=0.2)) == FRAMES[:2]
    assert "silent for too long" in log.messages[0]


def test_nobody_at_the_address_is_an_outage_that_can_be_stopped(
    log: pytest.LogCaptureFixture,
) -> None:
    with serving(stream_of()) as server:
        url = server.url
    assert seconds_to_stop(open_source(url), after=0) < STOP_S
    assert "Connection refused" in log.text


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


def test_a_redirect_to_another_host_gets_no_login() -> None:
    with serving(refusing(401)) as other:

        def elsewhere(request: Request) -> None:
            request.head(None, 302, Location=other.url, Content_Length="0")

        with serving(behind_basic("jo", "secret", elsewhere)) as server:
            source = open_source(server.url, SourceOptions(user="jo", password="secret"))
            with pytest.raises(SourceError, match="401"):
                taken(source, 1)
        assert [request.headers["Authorization"] for request in other.requests] == [None]


def test_a_still_image_is_asked_for_again_and_again() -> None:
    numbers = iter(range(100))

    def script(request: Request) -> None:
        request.answer("image/jpeg", FRAMES[next(numbers)])

    with serving(script) as server:
        assert bodies(server.url, 3, SourceOptions(fps=100)) == FRAMES


def test_a_page_is_no_camera(log: pytest.LogCaptureFixture) -> None:
    page: Script = lambda request: request.answer("text/html", b"<html>")  # noqa: E731
    with serving(in_turn(page, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "answers text/html, not a multipart stream" in log.messages[0]


def test_an_image_that_is_none_is_not_published(log: pytest.LogCaptureFixture) -> None:
    fake: Script = lambda request: request.answer("image/jpeg", b"Busy")  # noqa: E731
    with serving(in_turn(fake, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "no image" in log.messages[0]


def test_a_stream_that_is_none_is_an_outage(log: pytest.LogCaptureFixture) -> None:
    def noise(request: Request) -> None:
        request.head(MULTIPART)
        request.send(b"noise " * 20_000)

    with serving(in_turn(noise, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "what precedes a delimiter" in log.messages[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate of this test: apt install openssl")
    path = tmp_path_factory.mktemp("tls") / "camera.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_a_certificate_that_is_not_trusted_is_an_outage(
    certificate: Path, log: pytest.LogCaptureFixture
) -> None:
    with serving(stream_of(*FRAMES), certificate) as server:
        source = open_source(server.url.replace("http:", "https:"))
        assert seconds_to_stop(source, after=0) < STOP_S
        assert server.requests == []
    assert "certificate is not trusted" in log.text


def test_where_certificates_are_not_checked_any_will_do(certificate: Path) -> None:
    with serving(stream_of(*FRAMES), certificate) as server:
        source = open_source(server.url.replace("http:", "https:"), SourceOptions(verify_tls=False))
        assert [picture.body for picture in taken(source, 3)] == FRAMES
        assert seconds_to_stop(source, after=3) < STOP_S
    assert not any(thread.name == "picture-source" for thread in threading.enumerate())
