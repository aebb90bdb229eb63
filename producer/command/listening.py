"""Events as lines of JSON, as they come."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, Final, TextIO

from producer.audience import Audience
from producer.channels import Channels, Endpoints
from producer.command.output import Writer
from producer.command.settings import EventsSettings
from protocol import ClosedConnection, Event, event_type, node_of

# Time between two looks at which nodes are still alive, seconds.
LOOK_S: Final = 0.1
# Silence after which it is said that nobody is heard, seconds: three heartbeats.
SILENCE_S: Final = 3.0

log = logging.getLogger("producer")


class Listener:
    """Hears what the streamers say, and knows what those that vanished cannot say any more.

    Args:
        settings: what the command was told.

    Raises:
        ValueError: for an endpoint that is none.

    """

    def __init__(self, settings: EventsSettings) -> None:
        self._stream = settings.stream
        self._endpoint = settings.events
        self._audience = Audience()
        self._channels = Channels(Endpoints(settings.frames, settings.events))
        self._channels.follow(settings.stream)
        self._heard_at = time.monotonic()
        self._said_alone = False

    def close(self) -> None:
        """Closes the sockets."""
        self._channels.close(0)

    async def run(self, out: TextIO) -> None:
        """Writes a line for each event, until cancelled or nobody reads them any more.

        Raises:
            OSError: `out` cannot be written.

        """
        loop = asyncio.get_running_loop()
        writer = Writer(out.fileno())
        readable = asyncio.Event()
        for descriptor in self._channels.descriptors:
            loop.add_reader(descriptor, readable.set)
        try:
            while True:
                readable.clear()
                self._channels.look()
                await writer.write("".join(f"{line}\n" for line in self._lines()))
                # Others have their turn also while more has come, for which nothing gets readable.
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if self._channels.has_more else LOOK_S):
                        await readable.wait()
        finally:
            for descriptor in self._channels.descriptors:
                loop.remove_reader(descriptor)

    def _lines(self) -> Iterator[str]:
        now = time.monotonic()
        for notice in self._channels.notices():
            self._heard_at = now
            self._audience.hear(notice, now)
            if self._is_wanted(notice.event):
                yield as_line(notice.node, notice.seq, notice.time, notice.event)
        if self._channels.has_more:
            return  # nobody is silent whose words still wait
        node = ""
        for event in self._audience.pass_time(now):
            # A stream's last client is followed by the word that it has none.
            node = node_of(event.client) if isinstance(event, ClosedConnection) else node
            if self._is_wanted(event):
                yield as_line(node, None, time.time_ns(), event)
        self._say_whether_alone(now)

    def _is_wanted(self, event: Event) -> bool:
        return self._stream is None or getattr(event, "stream", None) == self._stream

    def _say_whether_alone(self, now: float) -> None:
        alone = not self._audience.nodes and now - self._heard_at >= SILENCE_S
        if alone and not self._said_alone:
            log.warning("no streamer is heard at %s: waiting", self._endpoint)
        elif self._said_alone and self._audience.nodes:
            log.info("a streamer is heard at %s", self._endpoint)
        self._said_alone = alone


def as_line(node: str, seq: int | None, time_ns: int, event: Event) -> str:
    """Returns an event as JSON, under the names it has on the wire.

    Args:
        node: id of the streamer process.
        seq: number of the message; None for what a node that vanished did not say itself.
        time_ns: when it was published, Unix ns.
        event: what happened.

    """
    common = {"type": event_type(event), "node": node, "seq": seq, "time": time_ns}
    return json.dumps(common | _fields(event), default=_plain)


def _fields(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else _fields(value)
