"""Real processes and raw sockets for the end-to-end tests; knows nothing of our code."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgpack
import zmq

ANY_PORT = "tcp://127.0.0.1:0"
# Generous: a busy machine is no broken promise.
PATIENCE_S = 20.0
T = TypeVar("T")

_opened: list[socket.socket | zmq.Socket[bytes]] = []


def close_sockets() -> None:
    """Closes the sockets of all viewers, publishers and listeners of a test."""
    while _opened:
        _opened.pop().close()


def eventually(look: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
    """Returns the first true value that `look` returns; fails with `what` otherwise."""
    deadline = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        time.sleep(0.01)


@dataclass
class Command:
    """A command that runs, with what it said when it was ready."""

    process: subprocess.Popen[str]
    addresses: dict[str, str] = field(default_factory=dict)
    log: Path | None = None

    @property
    def http(self) -> str:
        return self.addresses["http"]

    @property
    def port(self) -> int:
        return int(self.http.rsplit(":", 1)[1])

    def end(self, number: int = signal.SIGTERM, patience_s: float = PATIENCE_S) -> int:
        self.process.send_signal(number)
        return self.process.wait(patience_s)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        request = urllib.request.Request(self.http + path, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return bytes(answer.read())

    def streams(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/streams"))["streams"])

    def said(self) -> str:
        assert self.log is not None
        return self.log.read_text()


class Starter:
    """Starts commands of the distribution and ends them after the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Command] = []

    def run(self, module: str, *arguments: str, ready: bool = True) -> Command:
        log = self._folder / f"{module}-{len(self._started)}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        command = Command(process, log=log)
        self._started.append(command)
        if ready:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[1:2] == ["ready:"], f"{module} is not ready: {log.read_text()}"
            command.addresses = dict(zip(words[2::2], words[3::2], strict=True))
        return command

    def streamer(self, *arguments: str, config: str = "") -> Command:
        given = list(arguments)
        if config:
            path = self._folder / f"streamer-{len(self._started)}.toml"
            path.write_text(config)
            given += ["--config", str(path)]
        defaults = {"--http": "127.0.0.1:0"}
        if "--connect-frames" not in given:
            defaults |= {"--bind-frames": ANY_PORT, "--bind-events": ANY_PORT}
        for option, value in defaults.items():
            if option not in given:
                given += [option, value]
        return self.run("streamer", *given)

    def relay(self, *arguments: str) -> Command:
        ends = ("producer-frames", "producer-events", "streamer-frames", "streamer-events")
        given = [word for end in ends for word in (f"--{end}", ANY_PORT)]
        return self.run("streamer.relay", *given, "--http", "127.0.0.1:0", *arguments)

    def end_all(self) -> None:
        for command in self._started:
            if command.process.poll() is None:
                command.process.kill()
                command.process.wait()
            if command.process.stdout is not None:
                command.process.stdout.close()


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[Starter]:
    starter = Starter(folder)
    try:
        yield starter
    finally:
        starter.end_all()


class Publisher:
    """A producer that is nothing but a ZeroMQ socket."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self._socket = context.socket(zmq.XPUB)
        _opened.append(self._socket)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.connect(endpoint)
        self._subscriptions: set[bytes] = set()

    def wait_for(self, *topics: bytes) -> None:
        """Waits until subscriptions cover the topics: nothing is lost from then on."""
        for topic in topics:
            eventually(lambda each=topic: self.covers(each), f"a subscription to {topic!r}")  # type: ignore[misc]

    def wait_for_nodes(self, number: int) -> None:
        eventually(lambda: self._nodes() >= number, f"{number} nodes to subscribe")

    def _nodes(self) -> int:
        self._look()
        return sum(each.startswith(b"one/") for each in self._subscriptions)

    def covers(self, topic: bytes) -> bool:
        """Tells whether somebody takes a topic now."""
        self._look()
        return any(topic.startswith(each) for each in self._subscriptions)

    def _look(self) -> None:
        while self._socket.poll(0):
            message = self._socket.recv()
            change = (
                self._subscriptions.add if message[:1] == b"\1" else self._subscriptions.discard
            )
            change(message[1:])

    def send(self, topic: str, body: bytes, **header: Any) -> None:
        self.send_raw(topic.encode(), msgpack.packb(header) if header else b"", body)

    def send_raw(self, *frames: bytes) -> None:
        self._socket.send_multipart(frames)


class Events:
    """Everything that was said on an events channel."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self._socket = context.socket(zmq.SUB)
        _opened.append(self._socket)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.subscribe(b"")
        self._socket.connect(endpoint)
        self.all: list[dict[str, Any]] = []
        # The first heartbeat proves that the subscription has arrived.
        self.wait_for(type="heartbeat")

    def look(self) -> list[dict[str, Any]]:
        while self._socket.poll(0):
            topic, body = self._socket.recv_multipart()
            self.all.append({"topic": topic.decode(), **msgpack.unpackb(body)})
        return self.all

    def having(self, **wanted: Any) -> list[dict[str, Any]]:
        return [
            each
            for each in self.look()
            if all(each.get(key) == value for key, value in wanted.items())
        ]

    def wait_for(self, number: int = 1, **wanted: Any) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]]:
            found = self.having(**wanted)
            return found if len(found) >= number else []

        return eventually(enough, f"{number} event(s) {wanted}")


@dataclass(frozen=True)
class Part:
    """One part as it came over the wire."""

    headers: dict[str, str]
    body: bytes


class Viewer:
    """A client that is nothing but a TCP socket, and a strict reader of RFC 2046."""

    def __init__(
        self, port: int, path: str, headers: Sequence[str] = (), receive_buffer: int | None = None
    ) -> None:
        self.socket = socket.socket()
        _opened.append(self.socket)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        lines = [f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self._buffer = b""
        self.head = self._until(b"\r\n\r\n").decode()
        match = re.search(r"boundary=([A-Za-z0-9]{20,70})\r\n", self.head)
        assert match is not None, self.head
        self.delimiter = b"--" + match[1].encode()
        assert self._exactly(len(self.delimiter)) == self.delimiter

    def part(self) -> Part | None:
        """Returns the next part, or None after the closing delimiter."""
        line_end = self._exactly(2)
        if line_end == b"--":
            assert self._exactly(2) == b"\r\n"
            assert not self._more(), "bytes behind the closing delimiter"
            return None
        assert line_end == b"\r\n"
        lines = self._until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = self._exactly(int(headers["Content-Length"]))
        assert self._exactly(2 + len(self.delimiter)) == b"\r\n" + self.delimiter
        return Part(headers, body)

    def parts(self, number: int) -> list[Part]:
        found = [self.part() for _ in range(number)]
        assert None not in found
        return [each for each in found if each is not None]

    def rest(self) -> list[Part]:
        """Returns all parts up to the clean end of the response."""
        found = []
        while (part := self.part()) is not None:
            found.append(part)
        return found

    def close(self) -> None:
        self.socket.close()

    def _more(self) -> bool:
        if not self._buffer:
            self._buffer = self.socket.recv(1 << 20)
        return bool(self._buffer)

    def _exactly(self, number: int) -> bytes:
        while len(self._buffer) < number:
            received = self.socket.recv(1 << 20)
            assert received, f"the response ended early, after {self._buffer[:200]!r}"
            self._buffer += received
        taken, self._buffer = self._buffer[:number], self._buffer[number:]
        return taken

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            received = self.socket.recv(1 << 20)
            assert received, f"the response ended early, after {self._buffer[:200]!r}"
            self._buffer += received
        at = self._buffer.index(mark) + len(mark)
        taken, self._buffer = self._buffer[:at], self._buffer[at:]
        return taken


def jpeg(number: int, size: int = 0) -> bytes:
    """Returns bytes that begin as a JPEG does, and carry a number."""
    return b"\xff\xd8" + f"{number:08d}".encode() + b"." * max(0, size - 10)


def number_of(body: bytes) -> int:
    return int(body[2:10])
