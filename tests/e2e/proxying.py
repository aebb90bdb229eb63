"""The reverse proxy of the deployment, run from its very file, and a client that is curl."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from .processes import PATIENCE_S, eventually

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
# Before it, HTTP/2 was a word of `listen`.
HTTP2_DIRECTIVE: Final = (1, 25, 1)


def program(name: str, package: str) -> str:
    """Returns a program's path; skips the test by name where there is none."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass(frozen=True)
class Proxy:
    """An nginx in front of streamers."""

    process: subprocess.Popen[bytes]
    port: int
    tls_port: int
    log: Path

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"


@contextlib.contextmanager
def proxying(folder: Path, *nodes: int) -> Iterator[Proxy]:
    """Runs nginx from `deploy/nginx.conf` in front of the streamers on these ports."""
    nginx = program("nginx", "nginx-light")
    make_certificate(folder)
    ports = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(adapted(_version(nginx), folder, ports, nodes))
    user = "user root;" if os.geteuid() == 0 else ""
    log = folder / "nginx.log"
    words = [nginx, "-e", "/dev/stderr", "-c", str(configuration), "-g", f"daemon off; {user}"]
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        eventually(lambda: _listens(ports[1]) or process.poll() is not None, "nginx to listen")
        assert process.poll() is None, log.read_text()
        yield Proxy(process, *ports, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


def adapted(
    version: tuple[int, ...], folder: Path, ports: tuple[int, int], nodes: Sequence[int]
) -> str:
    """Returns the deployment's file for this machine: other addresses, the same of all else."""
    servers = "".join(rf"server 127.0.0.1:{node}\1; " for node in nodes)
    tls = f"listen 127.0.0.1:{ports[1]} ssl"
    changes = {
        r"/tmp/": f"{folder}/",
        r"/tls/": f"{folder}/",
        r"listen 8080;": f"listen 127.0.0.1:{ports[0]};",
        r"listen 8443 ssl;\s+http2 on;": (
            f"{tls}; http2 on;" if version >= HTTP2_DIRECTIVE else f"{tls} http2;"
        ),
        r"server streamer:8080 resolve( [^;]*)?;": servers,
        # As many as a machine for tests lets a process open, whoever runs it.
        r"(worker_rlimit_nofile|worker_connections) +\d+;": r"\1 1024;",
    }
    text = (DEPLOY / "nginx.conf").read_text()
    for pattern, replacement in changes.items():
        text, found = re.subn(pattern, replacement, text)
        assert found, f"nginx.conf has no {pattern}"
    return text


def make_certificate(folder: Path) -> None:
    """Makes a certificate as the deployment does: by the command of its compose file."""
    program("openssl", "openssl")
    text = (DEPLOY.parent / "docker-compose.yml").read_text()
    command = re.search(r"openssl req .*?certificate\.pem$", text, re.DOTALL | re.MULTILINE)
    assert command is not None
    words = command[0].replace("/tls/", f"{folder}/").split()
    subprocess.run(words, check=True, capture_output=True)


def _version(nginx: str) -> tuple[int, ...]:
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    match = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    assert match is not None, said
    return tuple(int(number) for number in match.groups())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Curl:
    """A client that is curl, reading a stream until it is closed."""

    def __init__(self, url: str, *arguments: str, inside: Sequence[str] = ()) -> None:
        words = [program("curl", "curl"), "--silent", "--insecure", "--no-buffer", "--include"]
        self._process = subprocess.Popen([*inside, *words, *arguments, url], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._output = self._process.stdout
        self.received = b""

    def look(self) -> bytes:
        """Returns everything received until now."""
        self.received += self._output.read() or b""
        return self.received

    def wait_for(self, wanted: bytes, number: int = 1) -> bytes:
        """Waits until some bytes have come so often; returns all that has."""
        try:
            eventually(lambda: self.look().count(wanted) >= number, f"{number} of {wanted!r}")
        except AssertionError as error:
            error.add_note(f"received {len(self.received)} bytes: {self.received[:1000]!r}")
            raise
        return self.received

    def ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> bytes:
        """Ends it; returns all that it received."""
        if not self._output.closed:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self.look()
            self._output.close()
        return self.received
