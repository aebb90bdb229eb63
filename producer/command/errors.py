"""What ends the command early, as one line for people."""

from __future__ import annotations


class UsageError(ValueError):
    """An option, variable, key or argument is wrong; the text names it and what is allowed."""


class CommandError(Exception):
    """The command cannot do its work; the text says why."""
