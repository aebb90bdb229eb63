"""`partcast-producer`: reads arguments, environment and signals; nothing else does."""

from __future__ import annotations

from producer.command.interruption import SIGNALS, end_at_once, end_once

end_at_once()  # what follows takes longer than a signal may wait

import asyncio
import logging
import os
import sys
from typing import Final, NoReturn

from producer.command.arguments import PROGRAM, read_settings
from producer.command.errors import CommandError, UsageError
from producer.command.racing import first_of
from producer.command.settings import Settings
from producer.command.verbs import perform

BAD_USAGE: Final = 2
CANNOT_START: Final = 1


def main() -> NoReturn:
    """Runs the command.

    Exits 0 when its work is done or after SIGTERM and SIGINT, 2 for bad usage or configuration,
    1 for what else keeps it from working; each with one line that says what is wrong.
    """
    try:
        settings = read_settings(sys.argv[1:], os.environ)
        _prepare_log(settings.log_level)
        asyncio.run(_until_signal(settings))
    except UsageError as error:
        _fail(error, BAD_USAGE)
    except CommandError as error:
        _fail(error, CANNOT_START)
    except BrokenPipeError:
        # Who read the events has seen enough; nothing can be flushed at the exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _fail(error: Exception, code: int) -> NoReturn:
    line = " ".join(str(error).split())
    sys.stderr.write(f"{PROGRAM}: {line}\n")
    sys.exit(code)


def _prepare_log(level: str) -> None:
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


async def _until_signal(settings: Settings) -> None:
    shutdown = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, shutdown.set)
    try:
        await first_of(perform(settings, sys.stdout), _wait(shutdown))
    finally:
        end_once()


async def _wait(shutdown: asyncio.Event) -> None:
    await shutdown.wait()


if __name__ == "__main__":
    main()
