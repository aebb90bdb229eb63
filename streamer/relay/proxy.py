"""libzmq's own proxy between an XSUB and an XPUB socket, in a thread of its own."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from typing import Final

import zmq

from streamer.channels.monitor import Monitor
from streamer.channels.zeromq import MAX_SUBSCRIPTION_BYTES, attach, harden

# An answer of the proxy's thread takes microseconds; none in this time means it is gone, ms.
ANSWER_MS: Final = 1_000
# What was taken in may take so long to leave at the end, ms.
LINGER_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Traffic:
    """What has passed a proxy since its start, counted by libzmq.

    Attributes:
        messages: ZeroMQ frames that came from the publishers' side.
        bytes: bytes of those frames.
        delivered_messages: ZeroMQ frames that went to the subscribers' side.
        delivered_bytes: bytes of those frames.

    """

    messages: int
    bytes: int
    delivered_messages: int
    delivered_bytes: int


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a proxy's two sockets meet their peers.

    Attributes:
        publishers: endpoint to bind for publishers.
        publishers_at: further endpoints to connect to for publishers.
        subscribers: endpoint to bind for subscribers.
        subscribers_at: further endpoints to connect to for subscribers.

    """

    publishers: str
    subscribers: str
    publishers_at: tuple[str, ...] = ()
    subscribers_at: tuple[str, ...] = ()


class Proxy:
    """One channel of a relay.

    Args:
        context: the process's ZeroMQ context.
        name: of the channel; names the thread and the control endpoint.
        ends: where the sockets meet their peers.
        hwm: messages that may wait for each connection.
        max_bytes: largest ZeroMQ frame that is taken of publishers.
        verbose: whether repeated subscriptions are passed on too.
        monitor: watches the connections of publishers; None for nobody who does.

    Raises:
        zmq.ZMQError: where an endpoint cannot be had.

    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        name: str,
        ends: Ends,
        *,
        hwm: int,
        max_bytes: int,
        verbose: bool,
        monitor: Monitor | None = None,
    ) -> None:
        self._context = context
        self._name = name
        self._xsub = context.socket(zmq.XSUB)
        self._xpub = context.socket(zmq.XPUB)
        self._control = context.socket(zmq.REP)
        self._opened = [self._xsub, self._xpub, self._control]
        for sock in self._opened:
            harden(sock)
            sock.setsockopt(zmq.LINGER, LINGER_MS)
        self._xsub.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        self._xpub.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
        self._xsub.setsockopt(zmq.RCVHWM, hwm)
        # Subscriptions count against the sending mark, and are not to be lost (libzmq 2258).
        self._xsub.setsockopt(zmq.SNDHWM, 0)
        self._xpub.setsockopt(zmq.SNDHWM, hwm)
        # "Verboser": unsubscriptions too, or the counts on the way up would never fall.
        self._xpub.setsockopt(zmq.XPUB_VERBOSER, int(verbose))
        self._xpub.setsockopt(zmq.RCVHWM, 0)
        if monitor is not None:
            monitor.add(self._xsub)
        try:
            self.publishers = attach(self._xsub, ends.publishers, ends.publishers_at)[0]
            self.subscribers = attach(self._xpub, ends.subscribers, ends.subscribers_at)[0]
            self._control.bind(f"inproc://{name}-control")
        except zmq.ZMQError:
            self._close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"{name}-proxy", daemon=True)

    def start(self) -> None:
        """Begins to forward."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it forwards."""
        return self._thread.is_alive()

    def traffic(self) -> Traffic:
        """Returns what has passed; raises TimeoutError where the proxy does not answer."""
        numbers = [struct.unpack("=Q", each)[0] for each in self._ask(b"STATISTICS")]
        return Traffic(numbers[0], numbers[1], numbers[6], numbers[7])

    def stop(self) -> None:
        """Stops forwarding; what was taken in leaves within `LINGER_MS`."""
        if not self._thread.is_alive():
            self._close()
            return
        self._ask(b"TERMINATE")
        self._thread.join()

    def _ask(self, command: bytes) -> list[bytes]:
        with self._context.socket(zmq.REQ) as sock:
            sock.setsockopt(zmq.LINGER, 0)
            sock.connect(f"inproc://{self._name}-control")
            sock.send(command)
            if not sock.poll(ANSWER_MS):
                raise TimeoutError(f"the {self._name} proxy does not answer")
            return sock.recv_multipart()

    def _run(self) -> None:
        zmq.proxy_steerable(self._xsub, self._xpub, None, self._control)
        self._close()

    def _close(self) -> None:
        for sock in self._opened:
            sock.close()
