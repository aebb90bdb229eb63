"""At which endpoints nobody has been found yet, and that it is said once. No I/O."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

# Services that begin together find one another within this time, seconds; who is not there then
# may be at another address.
ABSENT_S: Final = 3.0

log = logging.getLogger(__name__)


class Absence:
    """Follows who has not been found since the start; who leaves later connects again by itself.

    Args:
        endpoints: where somebody is to be. Those within the process are there from the start.

    """

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._absent = {each for each in endpoints if not each.startswith("inproc://")}
        self._said: set[str] = set()

    def warn(self) -> None:
        """Names each endpoint where nobody has been found; to be called once, after `ABSENT_S`."""
        for endpoint in sorted(self._absent):
            log.warning("no relay or producer at %s: waiting", endpoint)
        self._said = set(self._absent)

    def end(self, endpoint: str) -> None:
        """Takes in that somebody has been found, and says so where the contrary was said."""
        if endpoint in self._said:
            log.info("a relay or producer is at %s", endpoint)
        self._said.discard(endpoint)
        self._absent.discard(endpoint)
