"""`/streams/<stream>/snapshot`: the newest frame alone."""

from __future__ import annotations

import asyncio
from typing import Final

from protocol import CloseReason
from streamer.fanout.part import Part
from streamer.fanout.snapshot import SnapshotViewer
from streamer.fanout.streams import LimitReachedError, UnknownStreamError
from streamer.http.handlers.base import Handler, not_found, unavailable
from streamer.http.response import UNCACHED, parse_query

# How long a snapshot waits for a picture, seconds; OctoPrint and others give up after 5.
SNAPSHOT_WAIT_S: Final = 4.0


class SnapshotHandler(Handler):
    """`/streams/<stream>/snapshot`: the newest frame alone."""

    waiting: asyncio.Future[Part | None] | None = None

    def head(self, name: str) -> None:
        """Answers as `get` does with a picture that is there; waits for none, counts no client."""
        try:
            self.site.hub.streams.settings(name)
        except UnknownStreamError as error:
            raise not_found(error) from error
        part = self.site.hub.streams.last(name)
        if part is None:
            raise unavailable("no frame yet")
        self._answer(part)

    async def get(self, name: str) -> None:
        """Answers with the newest frame, or with the first that comes."""
        hub = self.site.hub
        fresh = parse_query(self.request.query).get("fresh") == "1"
        try:
            hub.streams.settings(name)
            part = None if fresh else hub.streams.last(name)
            if part is None:
                part = await self._next(name, fresh=fresh)
        except UnknownStreamError as error:
            raise not_found(error) from error
        except LimitReachedError as error:
            raise unavailable(str(error)) from error
        if part is None:
            raise unavailable(f"no frame within {SNAPSHOT_WAIT_S:g} s")
        self._answer(part)

    def _answer(self, part: Part) -> None:
        for header, value in UNCACHED.items():
            self.set_header(header, value)
        self.set_header("Content-Type", part.content_type)
        if part.timestamp:
            self.set_header("X-Timestamp", part.timestamp)
        self.write(part.payload)

    async def _next(self, name: str, *, fresh: bool) -> Part | None:
        site = self.site
        site.hub.admit(name)
        waiting: asyncio.Future[Part | None] = site.loop.create_future()
        self.waiting = waiting
        stream = site.hub.streams.known(name)
        client_id = site.hub.new_client_id()
        viewer = SnapshotViewer(
            client_id,
            name,
            stream.limits,
            stream.totals,
            peer=self.peer,
            query=parse_query(self.request.query),
            joined_at=site.clock(),
            fresh=fresh,
            on_end=self._end,
            on_credit=site.hub.credits(stream, client_id),
        )
        site.hub.add(viewer)
        site.came(viewer)
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                return await waiting
        except TimeoutError:
            return None
        finally:
            site.gone(viewer, CloseReason.CLIENT)

    def _end(self, part: Part | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(part)

    def on_connection_close(self) -> None:
        """Gives up: nobody waits for the picture any more."""
        self._end(None)
