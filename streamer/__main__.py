"""`partcast-streamer`: reads options, environment and signals; nothing else does."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import sys
from typing import NoReturn

from streamer.checks import SettingsError
from streamer.options import read_file, read_options
from streamer.service import Addresses, StartError, run
from streamer.settings import Settings, from_sources

BAD_USAGE = 2


def main() -> NoReturn:
    """Runs a streamer; exits 0 after a signal, 2 for bad usage, 1 for what else is wrong."""
    try:
        settings = _settings(sys.argv[1:])
    except SettingsError as error:
        _fail(str(error), BAD_USAGE)
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    _raise_open_files()
    if (problem := _run(settings)) is not None:
        _fail(problem, 1)
    sys.exit(0)


def _run(settings: Settings) -> str | None:
    """Runs until a signal; returns what kept the service from starting, or None."""
    problem = None
    try:
        asyncio.run(_serve(settings))
    except* StartError as group:
        problem = str(group.exceptions[0])
    return problem


def _fail(text: str, code: int) -> NoReturn:
    print(f"partcast-streamer: {text}", file=sys.stderr)
    sys.exit(code)


async def _serve(settings: Settings) -> None:
    shutdown = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shutdown.set)
    await run(settings, shutdown, _announce)


def _announce(addresses: Addresses) -> None:
    frames, events = ",".join(addresses.frames), ",".join(addresses.events)
    print(
        f"partcast-streamer ready: http {addresses.http} frames {frames} events {events}",
        flush=True,
    )


def _settings(arguments: list[str]) -> Settings:
    description = "Fan frames from ZeroMQ out to HTTP clients as multipart/x-mixed-replace."
    given, path = read_options(Settings, "partcast-streamer", description, arguments)
    return from_sources(given, os.environ, read_file(path or os.environ.get("PARTCAST_CONFIG")))


def _raise_open_files() -> None:
    """Takes as many open files as the system allows: each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
