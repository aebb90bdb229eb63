"""The floor: what is left when nothing but send() is."""

import shutil
from contextlib import ExitStack

from bench.build import INSTALL_COMPILER, compiled
from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running


class Floor:
    """A bare send() loop in C that makes its frames itself; with `sendfile`, one of sendfile()."""

    cores = 1

    def __init__(self, *, sendfile: bool = False) -> None:
        self.name = "floor-sendfile" if sendfile else "floor"
        self._arguments = ("sendfile",) if sendfile else ()

    def missing(self) -> str | None:
        return None if shutil.which("cc") else INSTALL_COMPILER

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        command = [
            str(compiled("floor")),
            str(plan.payload_bytes),
            plan.content_type,
            *self._arguments,
        ]
        child = place.start(ending, command)
        return Running([child], int(child.read_until(r"ready (\d+)", START_TIMEOUT_S)[1]))
