"""One socket of a streamer's end of the frames channel."""

from __future__ import annotations

from collections.abc import Iterator

import zmq

from protocol import own_subscription
from streamer.channels.refusals import hard_limit
from streamer.channels.watch import has_message
from streamer.channels.zeromq import attach, harden


class Subscriber:
    """A SUB socket: a pipe of its own at each peer, with its own high-water mark.

    Args:
        context: the process's ZeroMQ context.
        hwm: messages that may wait here for each peer.
        max_frame_bytes: largest payload that is taken in.
        node: says for itself what it subscribes to, so that it is heard through relays; None
            for who does not.

    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        hwm: int,
        max_frame_bytes: int,
        node: str | None = None,
    ) -> None:
        self._node = node
        self.socket = context.socket(zmq.SUB)
        harden(self.socket)
        self.socket.setsockopt(zmq.RCVHWM, hwm)
        # Subscriptions count against the sending mark, and are not to be lost (libzmq 2258).
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.MAXMSGSIZE, hard_limit(max_frame_bytes))

    def subscribe(self, *topics: bytes) -> None:
        """Takes what begins with these topics."""
        for topic in self._spoken(topics):
            self.socket.subscribe(topic)

    def unsubscribe(self, *topics: bytes) -> None:
        """Takes no more what begins with these topics."""
        for topic in self._spoken(topics):
            self.socket.unsubscribe(topic)

    def _spoken(self, topics: tuple[bytes, ...]) -> Iterator[bytes]:
        for topic in topics:
            yield topic
            if self._node is not None:
                yield own_subscription(topic, self._node)

    def attach(self, bind: str, *connect: str) -> list[str]:
        """Binds and connects; returns the addresses that are really used, or raises ZMQError."""
        return attach(self.socket, bind, connect)

    def take(self) -> list[bytes] | None:
        """Returns the next message; None where none waits, which arms the next edge."""
        if not has_message(self.socket):
            return None
        frame = self.socket.recv(zmq.NOBLOCK, copy=False)
        parts = [frame.bytes]
        while frame.more:  # `recv_multipart` asks the socket instead, at three times the price
            frame = self.socket.recv(zmq.NOBLOCK, copy=False)
            parts.append(frame.bytes)
        return parts

    def close(self) -> None:
        """Closes the socket; what waits is dropped."""
        self.socket.close(0)
