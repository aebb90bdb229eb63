"""Reading a live source again and again, through all its outages."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from producer.sources.backoff import delays
from producer.sources.source import Picture, Pictures, SourceError

# Seconds for which a connection has to bring pictures until the source counts as back: one that
# breaks off again and again is one outage, told once and tried less and less often.
SETTLED_S: Final = 3.0

logger = logging.getLogger(__name__)


class UnavailableError(Exception):
    """A live source that cannot be read just now; the text says why."""


class LoginRefusedError(UnavailableError):
    """A live source that wants another login, or one at all."""


class FinishedError(Exception):
    """A source that turned out to be a recording and has been shown to its end."""


@dataclass(slots=True)
class Outage:
    """Says once that a source is lost and once that it is back, whatever is tried in between."""

    name: str
    clock: Callable[[], float] = time.monotonic
    _since_s: float | None = None

    @property
    def lasts(self) -> bool:
        """Whether the source is lost."""
        return self._since_s is not None

    def begin(self, reason: str) -> None:
        """Takes note that the source is lost."""
        if self._since_s is None:
            self._since_s = self.clock()
            logger.warning("%s is lost, trying again: %s", self.name, reason)

    def end(self) -> None:
        """Takes note that the source is back."""
        if self._since_s is not None:
            logger.info("%s is back after %.0f s", self.name, self.clock() - self._since_s)
            self._since_s = None


class Reconnecting:
    """All the connections to a live source, as one run of pictures.

    `connect` gives the pictures of one connection and raises one of the errors above.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Pictures],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._outage = Outage(name, clock)
        self._waits = delays()
        self._known = False

    def pictures(self, ended: threading.Event) -> Pictures:
        """Yields pictures until `ended` is set, waiting longer after each try in vain.

        A try is in vain, too, where its pictures break off within `SETTLED_S`.

        Raises:
            SourceError: the login was refused, and no picture had come before.

        """
        while not ended.is_set():
            try:
                yield from self._connection()
                reason = "the stream ended"
            except FinishedError:
                return
            except UnavailableError as error:
                reason = self._retried(error)
            if not ended.is_set():
                self._outage.begin(reason)
                ended.wait(next(self._waits))

    def _connection(self) -> Iterator[Picture]:
        with closing(self._connect()) as pictures:
            first_s: float | None = None
            for picture in pictures:
                self._known = True
                first_s = self._clock() if first_s is None else first_s
                if self._clock() - first_s >= SETTLED_S:
                    self._waits = delays()
                    self._outage.end()
                yield picture

    def _retried(self, error: UnavailableError) -> str:
        if isinstance(error, LoginRefusedError) and not self._known:
            raise SourceError(f"{self._outage.name}: {error}") from error
        return str(error)
