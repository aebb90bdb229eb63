"""`partcast-relay`: reads options, environment and signals; nothing else does."""

from __future__ import annotations

from streamer.signals import end_at_once

end_at_once()  # what follows takes longer than a signal may wait

import os
import sys
from typing import NoReturn

from streamer.command import Serve, run_command, say
from streamer.configuration.options import read_file, read_options
from streamer.relay.service import RelayAddresses, run
from streamer.relay.settings import RelaySettings, from_sources


def main() -> NoReturn:
    """Runs a relay; exits 0 after a signal, 2 for bad usage, 1 for what else is wrong."""
    run_command("partcast-relay", _prepare)


def _prepare() -> tuple[str, Serve]:
    description = "The meeting point of several producers and several streamers."
    given, path = read_options(RelaySettings, "partcast-relay", description, sys.argv[1:])
    file = read_file(path or os.environ.get("PARTCAST_CONFIG"))
    settings = from_sources(given, os.environ, file)
    return settings.log_level, lambda shutdown: run(settings, shutdown, _announce)


def _announce(addresses: RelayAddresses) -> None:
    line = (
        f"partcast-relay ready: producer-frames {addresses.producer_frames} "
        f"producer-events {addresses.producer_events} "
        f"streamer-frames {addresses.streamer_frames} "
        f"streamer-events {addresses.streamer_events}"
    )
    say(f"{line} http {addresses.http}" if addresses.http else line)


if __name__ == "__main__":
    main()
