"""`Producer`: for programs that are plain loops, with threads or without."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from producer.channels import Endpoints
from producer.client import Client
from producer.core import Body, Core
from producer.departures import ClientGone
from producer.thread_driver import Coming, ThreadDriver
from producer.waiting import ANY_EVENT, EVERYTHING
from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    AllClients,
    Event,
    OneClient,
    check_stream_name,
)

__all__ = ["Client", "Producer"]


class Producer:
    """Publishes frames, and follows who watches.

    Late viewers: the last frame of each stream is kept, up to 64 MiB over all streams, and sent
    once more to a streamer that takes the stream from then on. A stop forgets it.

    Threads: every verb may be used from any thread, also at the same time; a wait holds up its
    own thread only. A thread of the producer's own takes in what comes.

    Fork: a producer does not survive `fork`. Make it in the process that uses it; in the child
    every verb is a RuntimeError, but for `close`, which does nothing.

    The end: use it in a `with` statement, or close it, and what was published leaves first. One
    that is open when the interpreter ends is closed then. Once it is closed, iterations end and
    waits return 0 or False; what would send is a RuntimeError, or for one client ClientGone.

    Args:
        frames: endpoint of the frames channel.
        events: endpoint of the events channel.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(
        self, frames: str = FRAMES_PRODUCER_SIDE, events: str = EVENTS_PRODUCER_SIDE
    ) -> None:
        self._core = Core(Endpoints(frames, events), time.monotonic)
        self._driver = ThreadDriver(self._core)

    # Publishing.

    def publish(
        self,
        stream: str,
        body: Body,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
    ) -> bool:
        """Publishes a frame to all clients of a stream, and never waits for one.

        Only the very first frames wait, until a streamer has subscribed: at most 5 s from when
        the producer was made.

        Args:
            stream: name of the stream.
            body: the payload.
            content_type: media type; None means the stream's configured one.
            headers: further part headers.
            time_ns: capture time, Unix ns.

        Returns:
            Whether it was sent; False where no streamer takes it, or where so many frames wait
            for a slow connection that it would be old before it has left. It is kept all the same.

        Raises:
            RuntimeError: where the producer is closed.
            TypeError: for a body that is not bytes.
            ValueError: for what the wire does not allow.

        """
        self._driver.check_open()
        frame = self._core.frame(AllClients(stream), body, content_type, headers, time_ns)
        return bool(self._driver.until(lambda: self._core.publish(frame)))

    def publish_to(
        self,
        client: str,
        body: Body,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to one client; waits until the client can take it.

        Under `overload = "queue"` nothing is lost: the frame waits for the client's credit. One
        producer serves a client.

        Args:
            client: id of the client.
            body: the payload.
            content_type: media type; None means the stream's configured one.
            headers: further part headers.
            time_ns: capture time, Unix ns.
            timeout_s: how long to wait, seconds; None waits for ever.

        Raises:
            ClientGone: where the client has left, no node has it, or the producer is closed.
            TimeoutError: where it could not take the frame in time; the frame is not sent.
            TypeError: for a body that is not bytes.
            ValueError: for what the wire does not allow.

        """
        frame = self._core.frame(OneClient(client), body, content_type, headers, time_ns)
        began = time.monotonic()
        sent = self._driver.until(
            lambda: self._core.publish_to(frame, client, began), timeout_s, about=client
        )
        if sent is None:
            if self._driver.closing:
                raise ClientGone(client, "the producer is closed")
            raise TimeoutError(f"client {client} takes nothing for {timeout_s} s")

    def stop(self, stream: str, *, now: bool = False) -> bool:
        """Ends a stream for all its clients, after the last frame that was published.

        Who is there is meant. Where a flood of frames has taken the stop on its way, it is sent
        again after 1.5 s, to each client that it has not ended.

        Args:
            stream: name of the stream.
            now: whether what still waits is dropped.

        Returns:
            Whether it was sent; False where no streamer takes it.

        Raises:
            RuntimeError: where the producer is closed.
            ValueError: for a name that is none.

        """
        return self._stop(AllClients(stream), now=now)

    def stop_client(self, client: str, *, now: bool = False) -> bool:
        """Ends the stream of one client, after the last frame that was published to it.

        Args:
            client: id of the client, also of a shared stream; one that has left is no matter.
            now: whether what still waits is dropped.

        Returns:
            Whether it was sent; False where no streamer takes it.

        Raises:
            RuntimeError: where the producer is closed.
            ValueError: for an id that is none.

        """
        return self._stop(OneClient(client), now=now)

    # The audience.

    def wait_for_streamer(self, timeout_s: float | None = None) -> bool:
        """Waits until a streamer takes frames.

        Args:
            timeout_s: how long to wait, seconds; None waits for ever.

        Returns:
            Whether there is one; False once the time is over, or the producer is closed.

        """
        return bool(self._driver.until(self._core.joined, timeout_s))

    def wait_for_clients(self, stream: str, timeout_s: float | None = None) -> int:
        """Waits until somebody watches.

        It returns at once while somebody watches: `while producer.wait_for_clients(stream):`
        around a loop is all that it takes to work on demand.

        Args:
            stream: name of the stream.
            timeout_s: how long to wait, seconds; None waits for ever.

        Returns:
            How many watch, over all nodes; 0 once the time is over, or the producer is closed.

        Raises:
            ValueError: for a name that is none.

        """
        check_stream_name(stream)
        number = self._driver.until(lambda: self._core.watched(stream), timeout_s, about=stream)
        return number or 0

    def connections(self, stream: str) -> int:
        """Returns how many clients watch a stream now, over all nodes.

        The first question about a stream asks the nodes; their answer takes a moment.

        Raises:
            RuntimeError: where the producer is closed.
            ValueError: for a name that is none.

        """
        check_stream_name(stream)
        return self._driver.at_once(lambda: self._core.watched(stream)) or 0

    def clients(self, stream: str) -> Coming[Client]:
        """Iterates over the clients of a stream: those there are, then each that comes.

        It waits for the next client, and ends when the producer is closed. Who has left before
        it was his turn is passed over. To feed several at the same time, each as fast as it
        takes it, give each a thread of its own.

        Raises:
            RuntimeError: where the producer is closed.
            ValueError: for a name that is none.

        """
        arrivals = self._driver.at_once(lambda: self._core.arrivals(stream))

        def attempt() -> Client | None:
            new = arrivals.next()
            return None if new is None else Client(self, new)

        return Coming(self._driver, attempt, stream)

    def events(self, stream: str | None = None) -> Coming[Event]:
        """Iterates over what happens from now on; waits for the next event.

        First comes a NewConnection for each client there is. From then on each client is opened
        once and closed once, over all nodes: `connections` is their sum, and NoConnection comes
        when nobody is left on any. What no node could say is made good: a client whose node
        died is closed with reason `lost`, and where a NewConnection was missed it comes without
        a peer. It ends when the producer is closed. Up to 100,000 events wait for who is slow;
        then the oldest are dropped.

        Args:
            stream: whose events; None for those of all streams, and of each `node`.

        Raises:
            RuntimeError: where the producer is closed.
            ValueError: for a name that is none.

        """
        follower = self._driver.at_once(lambda: self._core.follow(stream))
        return Coming(self._driver, follower.next, ANY_EVENT if stream is None else stream)

    def is_gone(self, client: str) -> bool:
        """Tells whether a client that came has left, or the producer is closed."""
        return self.wait_until_gone(client, 0)  # another thread may close it at any time

    def wait_until_gone(self, client: str, timeout_s: float | None = None) -> bool:
        """Waits until a client that came has left, or the producer is closed; returns whether so.

        Args:
            client: id of the client.
            timeout_s: how long to wait, seconds; None waits for ever.

        """
        gone = self._driver.until(lambda: self._core.gone(client), timeout_s, about=client)
        return bool(gone) or self._driver.closing

    def close(self) -> None:
        """Closes the producer, from any thread; what was published may take 2 s to leave.

        A stream that was stopped a moment ago is seen to its end before, for at most 2 s.
        """
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _stop(self, address: AllClients | OneClient, *, now: bool) -> bool:
        self._driver.check_open()
        about = address.stream if isinstance(address, AllClients) else EVERYTHING
        stop = self._driver.until(lambda: self._core.stop(address, now=now), about=about)
        return bool(stop)
