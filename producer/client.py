"""One client of a stream, to be fed with frames of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from protocol import NewConnection, Overload

if TYPE_CHECKING:  # each knows the other
    from producer.asynchronous import AsyncProducer
    from producer.blocking import Producer
    from producer.core import Body


class Client:
    """A client that a `Producer` feeds.

    Attributes:
        id: client id.
        stream: name of the stream.
        query: the query of its request.
        overload: the stream's policy.

    """

    def __init__(self, producer: Producer, new: NewConnection) -> None:
        self._producer = producer
        self.id = new.client
        self.stream = new.stream
        self.query: Mapping[str, str] = new.query
        self.overload: Overload = new.overload

    @property
    def gone(self) -> bool:
        """Whether it has left, or the producer is closed."""
        return self._producer.wait_until_gone(self.id, 0)

    def wait_until_gone(self, timeout_s: float | None = None) -> bool:
        """Waits until it has left, as `Producer.wait_until_gone` does."""
        return self._producer.wait_until_gone(self.id, timeout_s)

    def publish(
        self,
        body: Body,
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
        """Ends its stream, as `Producer.stop_client` does."""
        return self._producer.stop_client(self.id, now=now)


class AsyncClient:
    """A client that an `AsyncProducer` feeds.

    Attributes:
        id: client id.
        stream: name of the stream.
        query: the query of its request.
        overload: the stream's policy.

    """

    def __init__(self, producer: AsyncProducer, new: NewConnection) -> None:
        self._producer = producer
        self.id = new.client
        self.stream = new.stream
        self.query: Mapping[str, str] = new.query
        self.overload: Overload = new.overload

    @property
    def gone(self) -> bool:
        """Whether it has left, or the producer is closed."""
        return self._producer.is_gone(self.id)

    async def wait_until_gone(self, timeout_s: float | None = None) -> bool:
        """Waits until it has left, as `AsyncProducer.wait_until_gone` does."""
        return await self._producer.wait_until_gone(self.id, timeout_s)

    async def publish(
        self,
        body: Body,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        time_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Publishes a frame to this client, as `AsyncProducer.publish_to` does."""
        await self._producer.publish_to(
            self.id,
            body,
            content_type=content_type,
            headers=headers,
            time_ns=time_ns,
            timeout_s=timeout_s,
        )

    async def stop(self, *, now: bool = False) -> bool:
        """Ends its stream, as `AsyncProducer.stop_client` does."""
        return await self._producer.stop_client(self.id, now=now)
