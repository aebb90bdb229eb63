"""Which core does what: the server under test never shares one with its load."""

import os
from dataclasses import dataclass
from functools import cache


class UnavailableError(Exception):
    """Something cannot be measured here; `str()` says what it needs."""


@dataclass(frozen=True)
class Cores:
    """Cores by number: `load` has the load client, the publisher and the harness."""

    load: tuple[int, ...]
    servers: tuple[int, ...]

    def for_server(self, number: int) -> tuple[int, ...]:
        """Gives a server as many cores of its own as it is to have."""
        if number > len(self.servers):
            raise UnavailableError(
                f"needs {number + 1} cores, {number} for the server and one for the load; "
                f"this machine has {len(self.servers) + 1}"
            )
        return self.servers[:number]


@cache
def usable_cores() -> tuple[int, ...]:
    """Gives the cores this process might use when it was first asked."""
    return tuple(sorted(os.sched_getaffinity(0)))


def pinned_cores() -> Cores:
    """Gives the first core to the load, the others to servers."""
    first, *others = usable_cores()
    if not others:
        raise UnavailableError("needs 2 cores: one for the server, one for the load")
    return Cores(load=(first,), servers=tuple(others))


def shared_cores() -> Cores:
    """Gives every core to everybody; the scheduler decides."""
    return Cores(load=usable_cores(), servers=usable_cores())


def keep_harness_with_load() -> None:
    """Takes this process off the servers' cores, for good."""
    cores = usable_cores()
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[:1])
