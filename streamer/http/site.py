"""What the HTTP handlers are given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from protocol import CloseReason
from streamer.configuration.settings import Settings
from streamer.fanout.hub import Hub
from streamer.fanout.viewer import Viewer
from streamer.http.connection import Spawn
from streamer.http.response import cors_headers
from streamer.metrics import NodeStatistics

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Site:
    """The service as its HTTP side sees it.

    Attributes:
        settings: the process's settings.
        hub: who watches what.
        token: boundary of every response.
        clock: a monotonic clock, seconds.
        loop: the event loop.
        spawn: starts a task that the service owns.
        ready: tells whether the node takes clients and frames.
        follow: called when a client has come, so that its stream is taken.
        statistics: returns the service's figures of now, all its workers added up.

    """

    settings: Settings
    hub: Hub
    token: str
    clock: Callable[[], float]
    loop: asyncio.AbstractEventLoop
    spawn: Spawn
    ready: Callable[[], bool]
    follow: Callable[[], None]
    statistics: Callable[[], Awaitable[NodeStatistics]]

    @cached_property
    def cors(self) -> dict[str, str]:
        """The headers that let other origins read an answer."""
        return cors_headers(self.settings.cors_origin)

    def gone(self, client: Viewer, reason: CloseReason) -> None:
        """Takes a client out whose response has ended."""
        self.hub.leave(client, reason, self.clock())
        log.info(
            "closed client=%s stream=%s reason=%s parts=%d skipped=%d",
            client.id,
            client.stream,
            (client.ending or reason).value,
            client.parts,
            client.skipped,
        )

    def came(self, client: Viewer) -> None:
        """Says that a client has come."""
        self.follow()
        log.info("opened client=%s stream=%s peer=%s", client.id, client.stream, client.peer)
