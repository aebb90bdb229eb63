"""A source that is replayed from its start for each client of a stream."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Final

from producer import AsyncClient, AsyncProducer, ClientGone
from producer.command.pace import Pace
from producer.command.racing import first_of
from producer.command.reading import read
from producer.command.settings import PublishSettings
from producer.sources import Source, SourceError

# Replays at the same time: each holds a thread and an open file. Who comes later waits.
MAX_REPLAYS: Final = 256
# Time between two looks at whether a client is still there, seconds.
LOOK_S: Final = 0.2
# How long the end of a replay may take to be sent, seconds.
END_S: Final = 1.0

log = logging.getLogger("producer")


class Replays:
    """Gives each client of a stream a run of the source of its own.

    Args:
        settings: what the command was told.
        source: what to replay.
        producer: who publishes it.

    """

    def __init__(self, settings: PublishSettings, source: Source, producer: AsyncProducer) -> None:
        self._settings = settings
        self._source = source
        self._producer = producer
        self._slots = asyncio.Semaphore(MAX_REPLAYS)

    async def run(self) -> None:
        """Replays for whoever comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            async for client in self._producer.clients(self._settings.stream):
                group.create_task(self._serve(client))

    async def _serve(self, client: AsyncClient) -> None:
        """Replays for one client; whatever goes wrong is between the two of us."""
        cut = True
        try:
            async with self._slots:
                await first_of(self._replay(client), _left(client))
            cut = False
        except ClientGone:
            log.info("%s has left", client.id)
        except SourceError as error:
            log.warning("the replay for %s broke off: %s", client.id, error)
        except Exception:
            log.exception("the replay for %s broke off", client.id)
        finally:
            await _end(client, now=cut)

    async def _replay(self, client: AsyncClient) -> None:
        start_s = 0.0 if self._settings.loop else start_of(client.query)
        log.info("%s is shown %s", client.id, self._settings.stream)
        pace = Pace()
        count = 0
        async with aclosing(read(self._source)) as pictures:
            async for picture in pictures:
                if picture.offset_s is not None and picture.offset_s < start_s:
                    continue
                if self._settings.pace:
                    await asyncio.sleep(pace.wait_s(picture.offset_s, time.monotonic()))
                await client.publish(
                    picture.body,
                    content_type=self._settings.content_type or picture.content_type,
                    time_ns=picture.time_ns or time.time_ns(),
                )
                count += 1
        log.info("%s was shown all %d pictures", client.id, count)


def start_of(query: Mapping[str, str]) -> float:
    """Returns from which second on a client wants a recording: `from` in its query, else 0."""
    try:
        start_s = float(query.get("from", "0"))
    except ValueError:
        return 0.0
    return start_s if math.isfinite(start_s) else 0.0


async def _left(client: AsyncClient) -> None:
    """Raises ClientGone once a client has left."""
    while not client.gone:  # noqa: ASYNC110  the library has no event for that
        await asyncio.sleep(LOOK_S)
    raise ClientGone(client.id)


async def _end(client: AsyncClient, *, now: bool) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            if not client.gone:
                await client.stop(now=now)
