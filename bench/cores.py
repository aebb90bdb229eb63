"""Which core does what: the server under test never shares one with its load."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Cores by number: `load` has the load client, the publisher and the harness."""

    load: int
    servers: tuple[int, ...]

    def for_workers(self, workers: int) -> tuple[int, ...]:
        """Gives one core for each worker."""
        if workers > len(self.servers):
            raise LookupError(
                f"needs {workers + 1} cores, {workers} for the server and one for the load; "
                f"this machine has {len(self.servers) + 1}"
            )
        return self.servers[:workers]


def split_cores() -> Cores:
    """Gives the first core this process may use to the load, the others to servers."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise LookupError("needs 2 cores: one for the server, one for the load")
    return Cores(load=first, servers=tuple(others))
