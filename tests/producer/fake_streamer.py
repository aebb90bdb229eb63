"""A streamer made of two raw ZeroMQ sockets: it says what a test wants, and notes what it gets.

It knows the wire and none of our code. Its sockets move only when `look` is called.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgpack
import zmq

from tests.e2e.processes import PATIENCE_S, eventually

Context = zmq.Context[zmq.Socket[bytes]]
ANYWHERE = "tcp://127.0.0.1:*"

_opened: list[zmq.Socket[bytes]] = []


def close_sockets() -> None:
    """Closes the sockets of all streamers of a test."""
    while _opened:
        _opened.pop().close(0)


@dataclass(frozen=True)
class Message:
    """What came on the frames channel."""

    topic: str
    header: dict[str, Any]
    body: bytes


@dataclass(eq=False)
class FakeStreamer:
    """One node, bound to both channels."""

    context: Context
    frames_at: str = ANYWHERE
    events_at: str = ANYWHERE
    node: str = "aaaa"
    receive_hwm: int = 0
    messages: list[Message] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clients: dict[str, list[str]] = {}
        self._numbers: Counter[str] = Counter()
        self._frames = self._socket(zmq.SUB)
        self._frames.setsockopt(zmq.RCVHWM, self.receive_hwm)
        if self.receive_hwm:  # the system is not to take in megabytes either
            self._frames.setsockopt(zmq.RCVBUF, 65536)
        self._events = self._socket(zmq.XPUB)
        self._events.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._events.setsockopt(zmq.SNDHWM, 0)
        self._frames.bind(self.frames_at)
        self._events.bind(self.events_at)
        self.frames_at = self._frames.getsockopt_string(zmq.LAST_ENDPOINT)
        self.events_at = self._events.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def addresses(self) -> tuple[str, str]:
        return self.frames_at, self.events_at

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        sock = self.context.socket(kind)
        _opened.append(sock)
        sock.setsockopt(zmq.LINGER, 0)
        sock.setsockopt(zmq.IPV6, int("[" in self.frames_at))
        return sock

    # The frames channel.

    def subscribe(self, *topics: str) -> None:
        for topic in topics or ("all/", f"one/{self.node}-"):
            self._frames.subscribe(topic)
        self.look()

    def unsubscribe(self, topic: str) -> None:
        self._frames.unsubscribe(topic)
        self.look()

    def look(self, *, frames: bool = True) -> list[Message]:
        """Lets the sockets move; takes in what has come."""
        while self._events.poll(0):
            self.asked.append(self._events.recv())
        if not frames:
            self._frames.getsockopt(zmq.EVENTS)
            return self.messages
        while self._frames.poll(0):
            topic, header, body = self._frames.recv_multipart()
            unpacked = msgpack.unpackb(header) if header else {}
            self.messages.append(Message(topic.decode(), unpacked, body))
        return self.messages

    def wait_for(self, number: int) -> list[Message]:
        """Returns the first messages, as soon as there are so many."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.look()) < number:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {number} messages"
            self._frames.poll(5)
        return self.messages[:number]

    def wait_for_question(self, topic: str, number: int = 1) -> None:
        """Waits until somebody has subscribed to a topic of the events channel."""

        def enough() -> bool:
            self.look()
            return self.asked.count(b"\1" + topic.encode()) >= number

        eventually(enough, f"{number} subscriptions to {topic}")

    # The events channel.

    def say(self, topic: str, kind: str, **keys: Any) -> None:
        self._numbers[topic] += 1
        common = {"type": kind, "node": self.node, "seq": self._numbers[topic], "time": 1}
        self.send_raw(topic.encode(), msgpack.packb(common | keys))

    def send_raw(self, *parts: bytes) -> None:
        self._events.send_multipart(parts)

    def forget(self, topic: str) -> None:
        """Uses up a number, as if a message had been lost."""
        self._numbers[topic] += 1

    def beat(self, interval: float = 60.0) -> None:
        states = {
            name: {"connections": len(each), "status": "blue", "parts": 0, "skipped": 0, "bytes": 0}
            for name, each in self.clients.items()
        }
        self.say(f"node/{self.node}/", "heartbeat", interval=interval, streams=states)

    def join(self, stream: str, number: int = 1, window: int | None = None) -> str:
        client = f"{self.node}-{number}"
        self.clients.setdefault(stream, []).append(client)
        self.say(
            f"event/{stream}/",
            "new_connection",
            stream=stream,
            client=client,
            connections=len(self.clients[stream]),
            peer="192.0.2.1:5",
            query={"n": str(number)},
            overload="latest" if window is None else "queue",
            window=window,
        )
        return client

    def leave(self, stream: str, client: str) -> None:
        self.clients[stream].remove(client)
        left = len(self.clients[stream])
        figures = {"duration": 1.0, "parts": 0, "bytes": 0, "skipped": 0, "repeats": 0}
        topic = f"event/{stream}/"
        end = {"stream": stream, "client": client, "connections": left, "reason": "client"}
        self.say(topic, "closed_connection", **end, **figures)
        if not left:
            self.say(topic, "no_connection", stream=stream, connections=0)

    def credit(self, stream: str, client: str, delivered: int) -> None:
        self.say(f"event/{stream}/", "credit", stream=stream, client=client, delivered=delivered)

    def answer(self, stream: str, *clients: str, window: int | None = None) -> None:
        """Publishes a snapshot."""
        watchers: list[dict[str, object]] = [
            {
                "client": each,
                "query": {},
                "overload": "latest" if window is None else "queue",
                "window": window,
                "delivered": 0,
            }
            for each in clients
        ]
        topic = f"event/{stream}/"
        self.say(topic, "snapshot", stream=stream, connections=len(clients), clients=watchers)

    def goodbye(self) -> None:
        self.say(f"node/{self.node}/", "goodbye")

    def close(self) -> None:
        self._frames.close()
        self._events.close()

    def pause(self, seconds: float) -> None:
        """Keeps the sockets moving for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(0.01)


def bound_again(context: Context, addresses: tuple[str, str], node: str = "bbbb") -> FakeStreamer:
    """Returns a node in the place of one that was closed, which takes the system a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            streamer = FakeStreamer(context, *addresses, node=node)
        except OSError:
            assert time.monotonic() < deadline, "the endpoints are not free"
            time.sleep(0.01)
        else:
            streamer.subscribe()
            return streamer
