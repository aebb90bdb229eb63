"""Follows the events of stream `s0`: `python -m bench.follow <kind> <events address>`.

Prints `ready`; answers `mark` on standard input with `heard <connections that opened or closed>
<clients there are now>`.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Protocol

import msgpack
import zmq

from bench.publish import MAX_LIFE_S
from producer import AsyncProducer, Producer
from protocol import ClosedConnection, Event, NewConnection

STREAM = "s0"
NOWHERE = "tcp://127.0.0.1:9"  # no frame is published


class Heard(Protocol):
    """What a follower knows by now."""

    heard: int

    def connections(self) -> int: ...

    def follow(self) -> None:
        """Follows for ever."""


class BlockingFollower:
    """`for event in producer.events(...)`."""

    def __init__(self, address: str) -> None:
        self.heard = 0
        self._producer = Producer(NOWHERE, address)

    def connections(self) -> int:
        return self._producer.connections(STREAM)

    def follow(self) -> None:
        for event in self._producer.events(STREAM):
            self.heard += counts(event)


class AsyncFollower:
    """`async for event in producer.events(...)`."""

    def __init__(self, address: str) -> None:
        self.heard = 0
        self._address = address
        self._producer: AsyncProducer | None = None

    def connections(self) -> int:
        return self._producer.connections(STREAM) if self._producer else 0

    def follow(self) -> None:
        asyncio.run(self._follow())

    async def _follow(self) -> None:
        async with AsyncProducer(NOWHERE, self._address) as producer:
            self._producer = producer
            async for event in producer.events(STREAM):
                self.heard += counts(event)


class RawFollower:
    """A bare SUB socket and msgpack: what is left when nobody keeps an audience."""

    def __init__(self, address: str) -> None:
        self.heard = 0
        self._connections = 0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.subscribe(f"event/{STREAM}/")
        self._socket.connect(address)

    def connections(self) -> int:
        return self._connections

    def follow(self) -> None:
        while True:
            event = msgpack.unpackb(self._socket.recv_multipart()[1])
            self._connections = event["connections"]
            self.heard += event["type"] in {"new_connection", "closed_connection"}


def counts(event: Event) -> bool:
    return isinstance(event, NewConnection | ClosedConnection)


KINDS: dict[str, Callable[[str], Heard]] = {
    "blocking": BlockingFollower,
    "asynchronous": AsyncFollower,
    "raw": RawFollower,
}


def answer(follower: Heard) -> None:
    for line in sys.stdin:
        if line.strip() == "mark":
            print(f"heard {follower.heard} {follower.connections()}", flush=True)
    os._exit(0)  # the harness has gone


def main() -> None:
    signal.alarm(MAX_LIFE_S)
    kind, address = sys.argv[1:]
    follower = KINDS[kind](address)
    threading.Thread(target=answer, args=(follower,), daemon=True).start()
    print("ready", flush=True)
    follower.follow()


if __name__ == "__main__":
    main()
