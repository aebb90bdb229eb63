"""How a frame, or an event, reaches a server: one way for each kind of server."""

import select
import socket
import time
from typing import Protocol
from urllib.parse import urlsplit

import msgpack
import zmq

from protocol import (
    ClosedConnection,
    CloseReason,
    NewConnection,
    Notice,
    Overload,
    StreamEvent,
    encode_notice,
)

SEND_TIMEOUT_MS = 1000
SUBSCRIBE_TIMEOUT_MS = 10_000
FLAT_OUT_BYTES = 64 << 20  # what may wait in a flat-out publisher
CHURN_CLIENTS = 10_000  # come one after the other, then go one after the other
BOUNDARY = "benchbenchbenchbenchbench"


class Way(Protocol):
    """How a frame reaches a server."""

    def send(self, stream: int, seq: int, payload: bytes, /) -> bool:
        """Hands one frame over; false when it had to be given up."""


class ZeroMqWay:
    """The contract's frames channel: `[topic, header, body]` from a PUB socket."""

    def __init__(self, address: str, content_type: str, *, sure: bool, payload_bytes: int) -> None:
        self._content_type = content_type
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDTIMEO, SEND_TIMEOUT_MS)
        if sure:  # waits for room where a PUB would drop: then sent means taken in
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            self._socket.setsockopt(zmq.SNDHWM, max(2, min(1000, FLAT_OUT_BYTES // payload_bytes)))
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
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDTIMEO, SEND_TIMEOUT_MS)
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


class EventsWay:
    """The contract's events channel, seen from a node: clients come and go by the thousand."""

    NODE = "bench"

    def __init__(self, address: str) -> None:
        self._sent = 0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDTIMEO, SEND_TIMEOUT_MS)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)  # sent means taken in
        self._socket.bind(address)
        self._wait_for_subscriber()

    def send(self, stream: int, seq: int, payload: bytes) -> bool:
        """Sends the next event of the stream; the payload is of no use here."""
        del seq, payload
        event = churn_event(self.NODE, f"s{stream}", self._sent)
        notice = Notice(self.NODE, self._sent, time.time_ns(), event)
        try:
            self._socket.send_multipart(encode_notice(notice))
        except zmq.Again:
            return False
        self._sent += 1
        return True

    def _wait_for_subscriber(self) -> None:
        while self._socket.poll(SUBSCRIBE_TIMEOUT_MS):
            if self._socket.recv().startswith(b"\x01event/"):
                return
        raise RuntimeError(f"nobody subscribed within {SUBSCRIBE_TIMEOUT_MS} ms")


def churn_event(node: str, stream: str, number: int) -> StreamEvent:
    """Gives what happens next where clients come one by one and then go one by one."""
    cycle, step = divmod(number, 2 * CHURN_CLIENTS)
    client = f"{node}-{cycle * CHURN_CLIENTS + step % CHURN_CLIENTS + 1}"
    if step < CHURN_CLIENTS:
        peer = "127.0.0.1"
        return NewConnection(stream, client, step + 1, peer, {}, Overload.LATEST, None)
    left = 2 * CHURN_CLIENTS - 1 - step
    return ClosedConnection(stream, client, left, CloseReason.CLIENT, 1.5, 15, 750_000, 0, 0)


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
