"""How much may wait for one client of a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass

from protocol import Overload


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait for one client.

    Attributes:
        overload: what happens to a client that cannot keep up.
        client_buffer_bytes: under `latest`, bytes that may wait, kernel included.
        queue_bytes: under `queue`, bytes that may wait here, behind the kernel's buffer.
        window: under `queue`, targeted parts that may wait whatever their size.

    """

    overload: Overload = Overload.LATEST
    client_buffer_bytes: int = 262_144
    queue_bytes: int = 8_388_608
    window: int = 16

    @property
    def bound(self) -> float:
        """Bytes that may wait for a client, the kernel's included; infinite for no bound."""
        return self.client_buffer_bytes if self.overload is Overload.LATEST else math.inf
