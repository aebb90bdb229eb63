"""`partcast-streamer`: reads options, environment and signals; nothing else does."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import signal
import sys
import tomllib
from importlib.metadata import version
from typing import Any, NoReturn

from streamer.service import Addresses, StartError, run
from streamer.settings import Settings, SettingsError, from_sources, options

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
    parser = argparse.ArgumentParser(
        prog="partcast-streamer",
        description="Fan frames from ZeroMQ out to HTTP clients as multipart/x-mixed-replace.",
        epilog="Every option is also a key of the file and a variable PARTCAST_<NAME>. "
        'Streams are configured in the file, in tables [streams."<pattern>"].',
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('partcast')}")
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings")
    for each in options():
        shown = f"{each.metadata['help']} (default {_shown(each.default)})"
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            metavar="VALUE",
            help=shown.replace("%", "%%"),
            nargs="?" if each.default is False else None,
            const="true" if each.default is False else None,
        )
    given = vars(parser.parse_args(arguments))
    path = given.pop("config") or os.environ.get("PARTCAST_CONFIG")
    texts = {name: value for name, value in given.items() if value is not None}
    return from_sources(texts, os.environ, _file(path))


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    return str(default).lower() if isinstance(default, bool) else str(default) or "none"


def _file(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a path of the user's
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config {path}: {error}") from error


def _raise_open_files() -> None:
    """Takes as many open files as the system allows: each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
