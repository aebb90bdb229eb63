"""`Producer`: for programs that are plain loops, with threads or without."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Final, Self, TypeVar

from producer.channels import Endpoints
from producer.core import Core
from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    AllClients,
    Event,
    OneClient,
    Overload,
    Watcher,
    check_stream_name,
)

T = TypeVar("T")
# A lost edge of a ZeroMQ descriptor costs no more than this, and so does noticing that a node
# has died, seconds.
POLL_S: Final = 0.1


class Producer:
    """Publishes frames, and follows who watches.

    Every verb may be used from any thread. A producer does not survive `fork`: make it in the
    process that uses it.

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
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._closing = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._follow, name="partcast-producer", daemon=True)
        self._thread.start()

    # Publishing.

    def publish(
        self,
        stream: str,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
    ) -> bool:
        """Publishes a frame to all clients of a stream, and never waits for one.

        The first frame waits until a streamer has subscribed, at most `JOIN_TIMEOUT_S`.

        Args:
            stream: name of the stream.
            body: the payload.
            content_type: media type; None means the stream's configured one.
            headers: further part headers.
            time_ns: capture time, Unix ns.

        Returns:
            Whether it was sent; False where no streamer takes it.

        Raises:
            ValueError: for what the wire does not allow.

        """
        with self._changed:
            frame = self._core.frame(AllClients(stream), body, content_type, headers, time_ns)
        return bool(self._until(lambda: self._core.publish(frame), None))

    def publish_to(
        self,
        client: str,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to one client; waits until the client can take it.

        Under `overload = "queue"` nothing is lost: the frame waits for the client's credit.

        Args:
            client: id of the client.
            body: the payload.
            content_type: media type; None means the stream's configured one.
            headers: further part headers.
            time_ns: capture time, Unix ns.
            timeout_s: how long to wait, seconds; None waits for ever.

        Raises:
            ClientGone: where the client has left.
            TimeoutError: where it could not take the frame in time.
            ValueError: for what the wire does not allow.

        """
        with self._changed:
            frame = self._core.frame(OneClient(client), body, content_type, headers, time_ns)
        if self._until(lambda: self._core.publish_to(frame, client), timeout_s) is None:
            raise TimeoutError(f"client {client} takes nothing for {timeout_s} s")

    def stop(self, stream: str, *, now: bool = False) -> bool:
        """Ends a stream for all its clients, after the last frame that was published.

        Args:
            stream: name of the stream.
            now: whether what still waits is dropped.

        Returns:
            Whether it was sent; False where no streamer takes it.

        """
        return self._stop(AllClients(stream), now=now)

    def stop_client(self, client: str, *, now: bool = False) -> bool:
        """Ends the stream of one client, after the last frame that was published to it."""
        return self._stop(OneClient(client), now=now)

    # The audience.

    def wait_for_streamer(self, timeout_s: float | None = None) -> bool:
        """Waits until a streamer takes frames; returns False once the time is over."""
        return bool(self._until(lambda: self._core.joined() or None, timeout_s))

    def wait_for_clients(self, stream: str, timeout_s: float | None = None) -> int:
        """Waits until somebody watches; returns how many do, 0 once the time is over.

        It returns at once while somebody watches: `while producer.wait_for_clients(stream):`
        around a loop is all that it takes to work on demand.
        """
        check_stream_name(stream)
        return self._until(lambda: self._core.watched(stream), timeout_s) or 0

    def connections(self, stream: str) -> int:
        """Returns how many clients watch a stream now, over all nodes."""
        check_stream_name(stream)
        with self._changed:
            return self._core.watched(stream) or 0

    def clients(self, stream: str) -> Iterator[Client]:
        """Yields the clients of a stream: those there are, then each that comes."""
        check_stream_name(stream)
        seen: set[str] = set()
        while True:
            watcher = self._until(lambda: self._core.next_client(stream, seen), None)
            if watcher is None:
                return
            yield Client(self, watcher)

    def events(self, stream: str | None = None) -> Iterator[Event]:
        """Yields what happens on a stream; on all streams and nodes for None."""
        with self._changed:
            follower = self._core.follow(stream)
        try:
            while (event := self._until(follower.next, None)) is not None:
                yield event
        finally:
            with self._changed:
                self._core.unfollow(follower)

    def close(self) -> None:
        """Closes the producer; what was published may take `LINGER_S` to leave."""
        self._check_process()
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._core.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

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
        with self._changed:
            stop = self._core.stopping(address, now=now)
        return bool(self._until(lambda: self._core.stop(stop), None))

    def _gone(self, client: str) -> bool:
        with self._changed:
            return bool(self._core.gone(client))

    def _until(self, attempt: Callable[[], T | None], timeout_s: float | None) -> T | None:
        """Attempts again whenever something has come; None once the time is over, or closed."""
        self._check_process()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._closing:
                self._core.look()
                done = attempt()
                if done is not None:
                    return done
                left = POLL_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, POLL_S))
        return None

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError(
                "a Producer does not survive fork: make it in the process that uses it"
            )

    def _follow(self) -> None:
        poll = select.poll()
        for descriptor in (*self._core.descriptors, self._wake_read):
            poll.register(descriptor, select.POLLIN)
        while True:
            poll.poll(POLL_S * 1000)
            with self._changed:
                if self._closing:
                    return
                self._core.look()
                self._changed.notify_all()


class Client:
    """One client of a stream, to be fed with frames of its own.

    Attributes:
        id: client id.
        query: the query of its request.
        overload: the stream's policy.

    """

    def __init__(self, producer: Producer, watcher: Watcher) -> None:
        self._producer = producer
        self.id = watcher.client
        self.query: Mapping[str, str] = watcher.query
        self.overload: Overload = watcher.overload

    @property
    def gone(self) -> bool:
        """Whether it has left."""
        return self._producer._gone(self.id)  # noqa: SLF001  they are one piece

    def publish(
        self,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to this client, as `Producer.publish_to` does."""
        self._producer.publish_to(
            self.id,
            body,
            content_type=content_type,
            headers=headers,
            time_ns=time_ns,
            timeout_s=timeout_s,
        )

    def stop(self, *, now: bool = False) -> bool:
        """Ends its stream, after the last frame that was published to it."""
        return self._producer.stop_client(self.id, now=now)
