"""Logins, redirects and certificates of cameras."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from producer.sources import SourceError, SourceOptions, open_source
from tests.producer.sources.camera_server import (
    Request,
    Script,
    behind_basic,
    behind_digest,
    in_turn,
    refusing,
    serving,
    stream_of,
)
from tests.producer.sources.reading import STOP_S, bodies, jpeg, seconds_to_stop, taken

Guard: TypeAlias = Callable[[str, str, Script], Script]

FRAMES = [jpeg(number) for number in range(3)]


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


def test_a_realm_is_no_scheme() -> None:
    guarded = behind_basic("jo", "secret", stream_of(*FRAMES), realm="our digest camera, Digest x")
    with serving(guarded) as server:
        assert bodies(server.url, 3, SourceOptions(user="jo", password="secret")) == FRAMES


@pytest.mark.parametrize("challenge", ["Digest", 'Digest realm="x"', 'Digest nonce="x"'])
def test_a_digest_that_lacks_something_is_an_outage(
    challenge: str, log: pytest.LogCaptureFixture
) -> None:
    def asking(request: Request) -> None:
        request.head(None, 401, WWW_Authenticate=challenge, Content_Length="0")

    with serving(in_turn(asking, asking, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3, SourceOptions(user="jo", password="secret")) == FRAMES
    assert "is lost, trying again: its answer cannot be read" in log.messages[0]


@pytest.mark.parametrize("scheme", [behind_basic, behind_digest])
@pytest.mark.parametrize("options", [SourceOptions(), SourceOptions(user="jo", password="wrong")])
def test_a_wrong_login_is_an_error_that_says_so(scheme: Guard, options: SourceOptions) -> None:
    with (
        serving(scheme("jo", "secret", stream_of(*FRAMES))) as server,
        pytest.raises(SourceError, match=r"401.*user and password"),
    ):
        taken(open_source(server.url, options), 1)


def test_neither_login_nor_query_is_logged(log: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(refusing(503), stream_of(*FRAMES))) as server:
        url = server.url.replace("//", "//jo:secret@") + "?pwd=secret"
        assert bodies(url, 3) == FRAMES
        assert server.requests[-1].path == "/video?pwd=secret"
    assert "secret" not in log.text
    assert "/video is lost" in log.text


@pytest.mark.parametrize(
    "target", ["ftp://jo:secret@a.x/?pwd=secret", f"http://{'a' * 70}.x/?pwd=secret"]
)
def test_where_a_redirect_leads_is_not_logged(target: str, log: pytest.LogCaptureFixture) -> None:
    def astray(request: Request) -> None:
        request.head(None, 302, Location=target, Content_Length="0")

    with serving(in_turn(astray, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
    assert "redirects to a URL that cannot be asked" in log.text
    assert "secret" not in log.text


def test_an_odd_header_is_read_over_without_a_word(log: pytest.LogCaptureFixture) -> None:
    def odd(request: Request) -> None:
        request.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nSet-Cookie odd\r\n\r\n")
        request.send(FRAMES[0])

    with serving(odd) as server:
        assert bodies(server.url + "?pwd=secret", 1) == FRAMES[:1]
    assert log.messages == []


@pytest.mark.parametrize("scheme", [behind_basic, behind_digest])
def test_a_redirect_to_another_host_gets_no_login(scheme: Guard) -> None:
    with serving(scheme("jo", "secret", stream_of(*FRAMES))) as other:

        def elsewhere(request: Request) -> None:
            request.head(None, 302, Location=other.url, Content_Length="0")

        with serving(scheme("jo", "secret", elsewhere)) as server:
            source = open_source(server.url, SourceOptions(user="jo", password="secret"))
            with pytest.raises(SourceError, match="401"):
                taken(source, 1)
        assert [request.headers["Authorization"] for request in other.requests] == [None]


@pytest.mark.parametrize("scheme", [behind_basic, behind_digest])
def test_a_redirect_on_the_same_host_keeps_the_login(scheme: Guard) -> None:
    def elsewhere(request: Request) -> None:
        request.head(None, 302, Location="/moved", Content_Length="0")

    by_path = {"/video": elsewhere, "/moved": stream_of(*FRAMES)}
    guarded = scheme("jo", "secret", lambda request: by_path[request.path](request))
    with serving(guarded) as server:
        assert bodies(server.url, 3, SourceOptions(user="jo", password="secret")) == FRAMES


def test_no_login_is_taken_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jo password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def elsewhere(request: Request) -> None:
        request.head(None, 302, Location="/moved", Content_Length="0")

    with serving(in_turn(elsewhere, stream_of(*FRAMES))) as server:
        assert bodies(server.url, 3) == FRAMES
        assert [request.headers["Authorization"] for request in server.requests] == [None, None]


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
        told = "certificate is not trusted"
        assert seconds_to_stop(source, after=0, once=lambda: told in log.text) < STOP_S
        assert server.requests == []
    assert told in log.text


def test_a_certificate_that_the_environment_trusts_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(stream_of(*FRAMES), certificate) as server:
        assert bodies(server.url.replace("http:", "https:"), 3) == FRAMES


def test_where_certificates_are_not_checked_any_will_do(certificate: Path) -> None:
    with serving(stream_of(*FRAMES), certificate) as server:
        source = open_source(server.url.replace("http:", "https:"), SourceOptions(verify_tls=False))
        assert [picture.body for picture in taken(source, 3)] == FRAMES
        assert seconds_to_stop(source, after=3) < STOP_S
    assert not any(thread.name == "picture-source" for thread in threading.enumerate())
