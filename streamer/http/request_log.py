"""Logs the requests that are no stream."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tornado import web

# One line for each status in this time, seconds: a crowd that is refused is no flood of log.
LOG_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """When a line was logged, and how many answers there have been since."""

    at: float = -math.inf
    answers: int = 0


class RequestLog:
    """Logs answers at a limited rate: refusals as information, faults as warnings.

    What is neither is logged for debugging, each.

    Args:
        clock: a monotonic clock, seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[int, _Said] = {}

    def __call__(self, handler: web.RequestHandler) -> None:
        """Takes a request whose answer is complete."""
        status = handler.get_status()
        if status < 400:
            self._write(logging.DEBUG, handler, 1)
            return
        said, now = self._said.setdefault(status, _Said()), self._clock()
        said.answers += 1
        if now - said.at >= LOG_EVERY_S:
            level = logging.INFO if status < 500 else logging.WARNING
            answers, said.at, said.answers = said.answers, now, 0
            self._write(level, handler, answers)

    def _write(self, level: int, handler: web.RequestHandler, answers: int) -> None:
        request = handler.request
        log.log(
            level,
            "answered status=%d method=%s uri=%r peer=%s requests=%d",
            handler.get_status(),
            request.method,
            request.uri,
            request.remote_ip,
            answers,
        )
