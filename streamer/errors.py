"""What can keep a service from starting."""

from __future__ import annotations


class StartError(Exception):
    """What keeps a service from starting; `str()` is one line."""
