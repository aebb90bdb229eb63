"""What the verbs of the command do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

import zmq

from producer import AsyncProducer
from producer.command.arguments import PROGRAM
from producer.command.aside import aside
from producer.command.errors import CommandError, UsageError
from producer.command.listening import Listener
from producer.command.output import UNWRITABLE, writing
from producer.command.replays import Replays
from producer.command.settings import EventsSettings, PublishSettings, Settings, StopSettings
from producer.command.show import Show
from producer.sources import SourceError, open_source

# How long a streamer may take to be found before there is none, seconds: one that has lost its
# relay is back within a second, and a connection request that was lost is sent again after
# another (RFC 6298).
ANSWER_S: Final = 3.0

log = logging.getLogger("producer")


async def perform(settings: Settings, out: TextIO | None) -> None:
    """Does what the command is told, to its end or until cancelled.

    Args:
        settings: what it is told.
        out: standard output; None where it is closed.

    Raises:
        BrokenPipeError: who read the events has left.
        CommandError: it cannot be done.
        UsageError: for an endpoint that is none.

    """
    match settings:
        case PublishSettings():
            await _publish(settings, out)
        case StopSettings():
            await _stop(settings)
        case EventsSettings():
            await _events(settings, out)
        case _:
            raise TypeError(f"{settings!r} is for no verb")


async def _publish(settings: PublishSettings, out: TextIO | None) -> None:
    async with _producer(settings) as producer:
        try:
            # Files and devices are looked at, which may take as long as it likes.
            source = await aside(lambda: open_source(settings.source, settings.source_options))
            _say_ready(settings, out)
            work = Replays if settings.per_client else Show
            await work(settings, source, producer).run()
        except SourceError as error:
            raise CommandError(str(error)) from error


def _say_ready(settings: PublishSettings, out: TextIO | None) -> None:
    if out is None:
        return  # whoever closed it does not wait for this line
    endpoints = f"frames {settings.frames} events {settings.events}"
    try:
        with writing(out):
            print(f"{PROGRAM} ready: stream {settings.stream} {endpoints}", file=out, flush=True)
    except BrokenPipeError as error:
        # Who waited for this line has seen enough of it; the pictures are for others.
        log.warning("standard output: %s", error.strerror)


async def _stop(settings: StopSettings) -> None:
    async with _producer(settings) as producer:
        if not await producer.wait_for_streamer(ANSWER_S):
            where = f"no streamer takes messages at {settings.frames}"
            raise CommandError(f"{where}: nothing is stopped")
        if settings.client is None:
            sent = await producer.stop(settings.stream)
        else:
            sent = await producer.stop_client(settings.client)
    if not sent:
        whom = settings.client or settings.stream
        raise CommandError(f"no streamer at {settings.frames} takes {whom}: nothing is stopped")


async def _events(settings: EventsSettings, out: TextIO | None) -> None:
    if out is None:
        raise CommandError(f"{UNWRITABLE}: it is closed")
    with _connecting():
        listener = Listener(settings)
    try:
        with writing(out):
            await listener.run(out)
    finally:
        listener.close()


def _producer(settings: Settings) -> AsyncProducer:
    with _connecting():
        return AsyncProducer(settings.frames, settings.events)


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error
    except zmq.ZMQError as error:
        raise CommandError(f"no connection can be made: {error.strerror}") from error
