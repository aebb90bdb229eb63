"""`partcast-streamer`: reads options, environment and signals; nothing else does."""

from __future__ import annotations

from streamer.signals import end_at_once

end_at_once()  # what follows takes longer than a signal may wait

import os
import sys
from typing import NoReturn

from streamer import service, workers
from streamer.command import Serve, run_command, say
from streamer.configuration.options import read_file, read_options
from streamer.configuration.settings import Settings, from_sources
from streamer.service import Addresses
from streamer.workers import number_of_workers


def main() -> NoReturn:
    """Runs a streamer; exits 0 after a signal, 2 for bad usage, 1 for what else is wrong."""
    run_command("partcast-streamer", _prepare)


def _prepare() -> tuple[str, Serve]:
    description = "Fan frames from ZeroMQ out to HTTP clients as multipart/x-mixed-replace."
    given, path = read_options(Settings, "partcast-streamer", description, sys.argv[1:])
    file = read_file(path or os.environ.get("PARTCAST_CONFIG"))
    settings = from_sources(given, os.environ, file)
    run = service.run if number_of_workers(settings) == 1 else workers.run
    return settings.log_level, lambda shutdown: run(settings, shutdown, _announce)


def _announce(addresses: Addresses) -> None:
    frames, events = ",".join(addresses.frames), ",".join(addresses.events)
    say(f"partcast-streamer ready: http {addresses.http} frames {frames} events {events}")


if __name__ == "__main__":
    main()
