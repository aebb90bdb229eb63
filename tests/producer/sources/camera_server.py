"""A small HTTP camera on loopback that does what a test wants, good manners or bad."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias
from urllib.request import parse_http_list, parse_keqv_list

Script: TypeAlias = Callable[["Request"], None]

MULTIPART = "multipart/x-mixed-replace; boundary=frame"
PATIENCE_S = 10.0


class Request(BaseHTTPRequestHandler):
    """One request under way, with the few verbs the tests' scripts are made of."""

    server: CameraServer
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        self.server.requests.append(self)
        self.server.script(self)

    def log_message(self, *_arguments: object) -> None:
        """Stays silent: what is asked is in `CameraServer.requests`."""

    def head(self, content_type: str | None, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if content_type is not None:
            self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(self, content_type: str | None, body: bytes, status: int = 200) -> None:
        self.head(content_type, status, Content_Length=str(len(body)))
        self.wfile.write(body)

    def send(self, data: bytes) -> None:
        self.wfile.write(data)

    def hold(self) -> None:
        """Keeps the connection open until the client or the test is done."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(PATIENCE_S)
            self.rfile.read(1)


class CameraServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.script = script
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/video"

    def handle_error(self, *_arguments: object) -> None:
        """A client that leaves is what many tests are about."""


@contextlib.contextmanager
def serving(script: Script, certificate: Path | None = None) -> Iterator[CameraServer]:
    with CameraServer(script) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def part(body: bytes, *headers: str, length: bool = True) -> bytes:
    """One part as most cameras send it: the delimiter first, none behind."""
    lines = ["Content-Type: image/jpeg", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return b"--frame\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n"


def stream_of(*bodies: bytes) -> Script:
    """Sends these parts, then nothing more."""

    def script(request: Request) -> None:
        request.head(MULTIPART)
        for body in bodies:
            request.send(part(body))
        request.hold()

    return script


def in_turn(*scripts: Script) -> Script:
    """Answers the first request by the first script, and so on; the last one stays."""
    waiting = list(scripts)

    def script(request: Request) -> None:
        (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    return script


def refusing(status: int) -> Script:
    return lambda request: request.answer("text/plain", b"no", status)


def behind_basic(user: str, password: str, script: Script, *, realm: str = "camera") -> Script:
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def guarded(request: Request) -> None:
        if request.headers.get("Authorization") == expected:
            script(request)
        else:
            challenge = f'Basic realm="{realm}"'
            request.head(None, 401, WWW_Authenticate=challenge, Content_Length="0")

    return guarded


def behind_digest(user: str, password: str, script: Script, *, or_basic: bool = False) -> Script:
    """Asks for a login as RFC 7616 says, with MD5 and qop=auth, as cameras do."""

    def guarded(request: Request) -> None:
        if _digest_holds(request, user, password):
            script(request)
            return
        request.send_response(401)
        if or_basic:
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
        challenge = 'Digest realm="camera", nonce="abc123", qop="auth", algorithm=MD5'
        request.send_header("WWW-Authenticate", challenge)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return guarded


def _digest_holds(request: Request, user: str, password: str) -> bool:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Digest":
        return False
    given = parse_keqv_list(parse_http_list(rest))
    secret = _md5(f"{user}:{given['realm']}:{password}")
    action = _md5(f"{request.command}:{given['uri']}")
    expected = _md5(f"{secret}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{action}")
    return given["username"] == user and given["response"] == expected


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
