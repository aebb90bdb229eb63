"""The progress bar of a source that has an end."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Never, Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm


class Progress:
    """A bar on standard error, where that is a terminal, from the first picture counted on.

    Args:
        name: of the stream.
        total: number of pictures; None where it is unknown.

    """

    def __init__(self, name: str, total: int | None) -> None:
        self._name = name
        self._total = total
        self._open = contextlib.ExitStack()
        self._bar: tqdm[Never] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def count(self) -> None:
        """Counts a picture that was shown."""
        if self._bar is None:
            self._bar = self._begin()
        self._bar.update()

    def _begin(self) -> tqdm[Never]:
        # It is None where it was closed before the start.
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        bar: tqdm[Never] = tqdm(
            total=self._total, desc=self._name, unit=" frames", disable=not on_terminal
        )
        self._open.enter_context(bar)
        if on_terminal:
            # What is logged stands above the bar.
            self._open.enter_context(logging_redirect_tqdm())
        return bar
