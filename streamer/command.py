"""What the commands of the services have in common: signals, log, exit codes."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, NoReturn

from streamer.configuration.checks import SettingsError
from streamer.errors import StartError
from streamer.signals import SIGNALS, end_once

BAD_USAGE: Final = 2
CANNOT_START: Final = 1

Serve = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


def run_command(program: str, prepare: Callable[[], tuple[str, Serve]]) -> NoReturn:
    """Runs a service until SIGTERM or SIGINT, and exits.

    Exits 0 after a signal, 2 for bad usage or configuration, 1 for what else keeps it from
    starting; each with one line that says what is wrong.

    Args:
        program: name of the command, in front of each error.
        prepare: reads the settings; returns the log level and what serves until an event.

    """
    try:
        level, serve = prepare()
    except SettingsError as error:
        _fail(program, str(error), BAD_USAGE)
    prepare_process(level)
    problem = _run(serve)
    if problem is not None:
        _fail(program, problem, CANNOT_START)
    sys.exit(0)


def _fail(program: str, text: str, code: int) -> NoReturn:
    if sys.stderr is not None:  # it is where it was closed before the start
        with suppress(OSError):  # what cannot be said changes no exit code
            os.write(sys.stderr.fileno(), f"{program}: {text}\n".encode(errors="backslashreplace"))
    sys.exit(code)


def _run(serve: Serve) -> str | None:
    """Runs until a signal; returns what kept the service from starting, or None."""
    problem = None
    try:
        asyncio.run(_until_signal(serve))
    except* StartError as group:
        problem = str(group.exceptions[0])
    return problem


async def _until_signal(serve: Serve) -> None:
    shutdown = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, shutdown.set)
    try:
        await serve(shutdown)
    finally:
        end_once()


def say(line: str) -> None:
    """Writes a line to standard output; where nobody reads it, the service goes on."""
    try:
        print(line, flush=True)  # noqa: T201
    except OSError as error:
        log.warning("standard output: %s", error.strerror)
        # What could not be written stays with it, and would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def prepare_process(log_level: str) -> None:
    """Sets up the log, and takes as many open files as there may be: each client is one."""
    logging.basicConfig(
        level=log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # Tornado warns of each connection that is no TLS: anybody can make a flood of it.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
