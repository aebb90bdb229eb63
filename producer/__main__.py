"""`partcast-producer`: reads arguments, environment and signals; nothing else does."""

from __future__ import annotations

from producer.command.interruption import SIGNALS, end_at_once, end_once, exit_code, say

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

    Exits 0 when its work is done, 2 for bad usage or configuration, 1 for what else keeps it from
    working; each with one line that says what is wrong. After SIGTERM and SIGINT it exits 0, and
    128 and the signal's number where it had something to do that may not be done.
    """
    number = None
    try:
        settings = read_settings(sys.argv[1:], os.environ)
        _prepare_log(settings.log_level)
        number = asyncio.run(_until_signal(settings))
    except UsageError as error:
        _fail(error, BAD_USAGE)
    except CommandError as error:
        _fail(error, CANNOT_START)
    except BrokenPipeError:
        pass  # who read the events has seen enough
    sys.exit(0 if number is None else exit_code(number))


def _fail(error: Exception, code: int) -> NoReturn:
    line = " ".join(str(error).split())
    say(f"{PROGRAM}: {line}\n")
    sys.exit(code)


def _prepare_log(level: str) -> None:
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


async def _until_signal(settings: Settings) -> int | None:
    """Does the work; returns the number of the signal that ended it, None for none."""
    loop = asyncio.get_running_loop()
    signalled: asyncio.Queue[int] = asyncio.Queue()
    for number in SIGNALS:
        loop.add_signal_handler(number, signalled.put_nowait, number)
    try:
        return await first_of(perform(settings, sys.stdout), signalled.get())
    finally:
        end_once()


if __name__ == "__main__":
    main()
