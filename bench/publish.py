"""The stamped publisher, a process of its own: `python -m bench.publish <way> <address> ...`.

Prints `ready`. Takes on standard input `rate <frames per second over all streams>` (0 pauses,
`inf` goes flat out), `mark` (answers `sent <frames>`) and `quit`.
"""

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import msgpack
import zmq

from bench.stamp import Stamper

MAX_LIFE_S = 7200  # nobody has to clean up after a lost harness
CATCH_UP_S = 0.1  # a frame later than this is not sent: an honest rate, no burst
FLAT_OUT_BATCH = 32  # frames between two looks at standard input
SEND_TIMEOUT_MS = 1000
FLAT_OUT_BYTES = 64 << 20  # what may wait in a flat-out publisher
BOUNDARY = "benchbenchbenchbenchbench"


class Way(Protocol):
    """How a frame reaches a server."""

    def send(self, stream: int, seq: int, payload: bytes) -> bool:
        """Hands one frame over; false when it had to be given up."""


class ZeroMqWay:
    """The contract's frames channel: `[topic, header, body]` from a PUB socket."""

    def __init__(self, address: str, content_type: str, *, sure: bool, payload_bytes: int) -> None:
        self._content_type = content_type
        self._socket = zmq.Context.instance().socket(zmq.PUB)
        self._socket.linger = 0
        self._socket.sndtimeo = SEND_TIMEOUT_MS
        if sure:  # waits for room where a PUB would drop: then sent means taken in
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            self._socket.sndhwm = max(2, min(1000, FLAT_OUT_BYTES // payload_bytes))
        self._socket.connect(address)

    def send(self, stream: int, seq: int, payload: bytes) -> bool:
        header = msgpack.packb(
            {"content_type": self._content_type, "seq": seq, "producer": "bench"}
        )
        try:
            self._socket.send_multipart((b"all/s%d/" % stream, header, payload), copy=False)
        except zmq.Again:
            return False
        return True


class PushpinWay:
    """Pushpin's PULL input: one tnetstring for each frame, with the part as HTTP stream content."""

    def __init__(self, address: str, content_type: str) -> None:
        self._content_type = content_type
        self._socket = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.linger = 0
        self._socket.sndtimeo = SEND_TIMEOUT_MS
        self._socket.connect(address)

    def send(self, stream: int, seq: int, payload: bytes) -> bool:
        del seq
        content = tnet_dict(
            tnet_string(b"content"), tnet_string(_part(self._content_type, payload))
        )
        formats = tnet_dict(tnet_string(b"http-stream"), content)
        channel = tnet_string(b"s%d" % stream)
        item = tnet_dict(tnet_string(b"channel"), channel, tnet_string(b"formats"), formats)
        try:
            self._socket.send(b"T" + item)
        except zmq.Again:
            return False
        return True


class HttpWay:
    """POST on one kept connection, as Nchan wants it; answers are read as they come."""

    MAX_UNANSWERED = 64  # posts under way: enough not to wait for each, few enough to notice

    def __init__(self, address: str, content_type: str) -> None:
        self._url = urlsplit(address)
        self._content_type = content_type
        self._socket = socket.create_connection(
            (self._url.hostname or "127.0.0.1", self._url.port or 80), timeout=10
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unanswered = 0
        self._unread = b""

    def send(self, stream: int, seq: int, payload: bytes) -> bool:
        del seq
        part = _part(self._content_type, payload)
        head = (
            f"POST {self._url.path}/s{stream} HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(part)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + part)
        self._unanswered += 1
        self._read_answers()
        return True

    def _read_answers(self) -> None:
        while self._unanswered:
            must_wait = self._unanswered >= self.MAX_UNANSWERED
            if not must_wait and not select.select([self._socket], [], [], 0)[0]:
                return
            self._unread += self._socket.recv(65536)
            self._take_answers()

    def _take_answers(self) -> None:
        """Counts whole answers: status 2xx, a body of Content-Length or none."""
        while b"\r\n\r\n" in self._unread:
            head, _, rest = self._unread.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 2"):
                raise RuntimeError(f"the server refused a frame: {head[:60]!r}")
            body = head.lower().partition(b"content-length:")[2]
            length = int(body.split(b"\r\n")[0]) if body else 0
            if len(rest) < length:
                return
            self._unread = rest[length:]
            self._unanswered -= 1


def _part(content_type: str, payload: bytes) -> bytes:
    """Gives a whole part, for servers that pass bytes on as they are."""
    head = f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\nContent-Length: {len(payload)}\r\n\r\n"
    return b"".join((head.encode(), payload, b"\r\n"))


def tnet_string(value: bytes) -> bytes:
    """Gives a string as Pushpin's tnetstrings have it."""
    return b"%d:%b," % (len(value), value)


def tnet_dict(*items: bytes) -> bytes:
    """Gives a tnetstring dictionary of keys and values in turn, each encoded already."""
    joined = b"".join(items)
    return b"%d:%b}" % (len(joined), joined)


class Publisher:
    """Sends frames by the clock, the streams in turn."""

    def __init__(self, way: Way, stamper: Stamper, streams: int) -> None:
        self._way = way
        self._stamper = stamper
        self._streams = streams
        self._frame = 0
        self.sent = 0
        self._interval_s = 0.0
        self._flat_out = False
        self._next_s = 0.0

    def set_rate(self, frames_per_s: float) -> None:
        self._flat_out = frames_per_s == float("inf")
        self._interval_s = 0 if self._flat_out or not frames_per_s else 1 / frames_per_s
        self._next_s = time.monotonic()

    def wait_s(self) -> float | None:
        """Gives how long nothing is to do; None for ever."""
        if self._flat_out:
            return 0
        if not self._interval_s:
            return None
        return max(0.0, self._next_s - time.monotonic())

    def work(self) -> None:
        if self._flat_out:
            for _ in range(FLAT_OUT_BATCH):
                self._send()
        elif self._interval_s and (now := time.monotonic()) >= self._next_s:
            self._send()
            self._next_s = max(self._next_s + self._interval_s, now - CATCH_UP_S)

    def _send(self) -> None:
        seq, stream = divmod(self._frame, self._streams)
        self._frame += 1
        self.sent += self._way.send(stream, seq, self._stamper.payload(seq))


def serve(publisher: Publisher, say: Callable[[str], None]) -> None:
    unread = b""
    while True:
        if select.select([sys.stdin], [], [], publisher.wait_s())[0]:
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                match line.split():
                    case [b"rate", rate]:
                        publisher.set_rate(float(rate))
                        say("ok")
                    case [b"mark"]:
                        say(f"sent {publisher.sent}")
                    case [b"quit"]:
                        return
        publisher.work()


def make_way(options: argparse.Namespace) -> Way:
    match options.way:
        case "zmq":
            return ZeroMqWay(
                options.address,
                options.content_type,
                sure=options.sure,
                payload_bytes=options.payload_bytes,
            )
        case "http":
            return HttpWay(options.address, options.content_type)
        case _:
            return PushpinWay(options.address, options.content_type)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.publish")
    parser.add_argument("way", choices=["zmq", "http", "pushpin"])
    parser.add_argument("address")
    parser.add_argument("--payload-bytes", type=int, required=True)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--content-type", default="application/octet-stream")
    parser.add_argument("--sure", action="store_true", help="wait for room instead of dropping")
    options = parser.parse_args()
    signal.alarm(MAX_LIFE_S)
    publisher = Publisher(make_way(options), Stamper(options.payload_bytes), options.streams)
    print("ready", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        serve(publisher, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
