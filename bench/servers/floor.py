"""The floor: what is left when nothing but send() is."""

import shutil
from contextlib import ExitStack

from bench.build import INSTALL_COMPILER, compiled
from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running


class Floor:
    """A bare send() loop in C that makes its frames itself."""

    name = "floor"
    cores = 1

    def missing(self) -> str | None:
        return None if shutil.which("cc") else INSTALL_COMPILER

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        command = [str(compiled("floor")), str(plan.payload_bytes), plan.content_type]
        child = place.start(ending, command)
        return Running([child], int(child.read_until(r"ready (\d+)", START_TIMEOUT_S)[1]))
