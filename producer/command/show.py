"""A source that is shown to all clients of a stream at the same time."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from typing import Final

from producer import AsyncProducer
from producer.command.pace import Pace
from producer.command.progress import Progress
from producer.command.racing import first_of
from producer.command.reading import read
from producer.command.settings import STANDARD_INPUT, PublishSettings
from producer.sources import Picture, Source, SourceError
from producer.sources.backoff import delays
from producer.sources.formats.jpeg import SOI
from producer.sources.formats.part import media_type_of
from producer.sources.reconnect import Outage
from producer.sources.source import MAX_PICTURE_BYTES

# A source rests when nobody has watched for this time: who reloads a page finds it running.
LEAVE_AFTER_S: Final = 2.0
# Time between two looks at whether somebody watches, seconds.
LOOK_S: Final = 0.1

log = logging.getLogger("producer")


class Show:
    """Runs a source while it is wanted, and publishes its pictures.

    Args:
        settings: what the command was told.
        source: what to show.
        producer: who publishes it.

    """

    def __init__(self, settings: PublishSettings, source: Source, producer: AsyncProducer) -> None:
        self._settings = settings
        self._stream = settings.stream
        self._source = source
        self._producer = producer
        # What was read from a pipe is gone: there the reading pauses, and never begins again.
        self._pauses = settings.source == STANDARD_INPUT and not settings.always
        self._has_end = settings.source == STANDARD_INPUT or source.length is not None
        self._shown = 0
        self._warned = False
        self._outage = Outage(f"the source of {self._stream}")
        self._waits = delays()

    async def run(self) -> None:
        """Shows a source that has an end to its end, another one for ever.

        The stream is stopped at the end, a failure included, so that nobody waits in vain; but
        not where this has shown nothing, as somebody else may.

        Raises:
            SourceError: the source cannot be used.

        """
        ended = True
        try:
            while not await self._round():
                pass
        except asyncio.CancelledError:
            # What is live may be begun again for the same viewers; a recording is not taken up.
            ended = self._has_end
            raise
        finally:
            if ended and self._shown:
                await self._producer.stop(self._stream)

    async def _round(self) -> bool:
        """Waits until the source is wanted, and runs it; returns whether it came to its end."""
        await self._producer.wait_for_streamer()
        if not self._settings.always:
            await self._producer.wait_for_clients(self._stream)
        try:
            if self._settings.always or self._pauses:
                return await self._show()
            return await first_of(self._show(), self._deserted())
        except SourceError as error:
            if self._has_end or not self._shown:
                raise
            self._outage.begin(str(error))
            await asyncio.sleep(next(self._waits))
            return False

    async def _deserted(self) -> bool:
        """Returns once nobody has watched for `LEAVE_AFTER_S`."""
        seen_at = time.monotonic()
        while time.monotonic() - seen_at < LEAVE_AFTER_S:
            await asyncio.sleep(LOOK_S)
            if self._producer.connections(self._stream):
                seen_at = time.monotonic()
        log.info("%s rests, as nobody watches", self._stream)
        return False

    async def _show(self) -> bool:
        if not self._outage.lasts:
            log.info("%s begins", self._stream)
        pace = Pace()
        with Progress(self._stream, self._source.length) as progress:
            async with aclosing(read(self._source)) as pictures:
                async for picture in pictures:
                    if self._pauses:
                        await self._producer.wait_for_clients(self._stream)
                    await asyncio.sleep(pace.wait_s(picture.offset_s, time.monotonic()))
                    await self._publish(picture)
                    if picture.offset_s is not None and not self._settings.loop:
                        self._has_end = True
                        progress.count()
        log.info("%s has come to its end", self._stream)
        return True

    async def _publish(self, picture: Picture) -> None:
        sent = await self._send(picture)
        if sent or picture.offset_s is None or await self._producer.wait_for_streamer(0):
            return
        # A recording waits for a streamer that is away; what is live goes on without it.
        await self._producer.wait_for_streamer()
        await self._send(picture)

    async def _send(self, picture: Picture) -> bool:
        content_type = self._settings.content_type or picture.content_type
        if not self._warned and (fault := fault_of(picture.body, content_type)):
            self._warned = True
            log.warning("%s: a picture %s: streamers refuse it", self._stream, fault)
        sent = await self._producer.publish(
            self._stream,
            picture.body,
            content_type=content_type,
            time_ns=picture.time_ns or time.time_ns(),
        )
        self._shown += sent
        if sent:
            self._outage.end()
            self._waits = delays()
        return sent


def fault_of(body: bytes, content_type: str) -> str | None:
    """Tells why streamers refuse a picture, unless they are told otherwise; None: they take it."""
    if len(body) > MAX_PICTURE_BYTES:
        return f"is larger than the {MAX_PICTURE_BYTES} bytes that are usual"
    if media_type_of(content_type) == "image/jpeg" and not body.startswith(SOI):
        return "is called image/jpeg and does not begin with FF D8"
    return None
