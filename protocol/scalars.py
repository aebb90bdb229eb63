"""Numbers and texts of the wire, and how a wrong value is spelled in an error."""

from __future__ import annotations

import math
import reprlib
from typing import Final

from protocol.errors import MalformedError, Refusal

UINT64_MAX: Final = 2**64 - 1
# Characters of a wrong value that an error quotes: enough to find who sent it.
SHOWN_CHARS: Final = 80

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = SHOWN_CHARS
_SHORT.maxlevel = 3


def shown(value: object) -> str:
    """Returns `value` as an error quotes it: what is long or deep is cut."""
    # Cut before it is spelled out: a peer may send megabytes of it, or nest it a thousand deep.
    text = repr(value[:SHOWN_CHARS]) if isinstance(value, str | bytes) else _SHORT.repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


def check_uint(key: str, value: object) -> None:
    """Raises MalformedError where `value` is no integer of 0 .. 2^64-1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedError(Refusal.BAD_TYPE, f"{key} {shown(value)} is not an unsigned integer")
    if not 0 <= value <= UINT64_MAX:
        raise MalformedError(Refusal.BAD_TYPE, f"{key} {shown(value)} is not in 0 .. 2^64-1")


def check_text(key: str, value: object) -> None:
    """Raises MalformedError where `value` is no string that UTF-8 can spell."""
    if not isinstance(value, str):
        raise MalformedError(Refusal.BAD_TYPE, f"{key} {shown(value)} is not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise MalformedError(
                Refusal.BAD_TYPE, f"{key} {shown(value)} is not Unicode: {error.reason}"
            ) from error


def check_seconds(key: str, value: object) -> None:
    """Raises MalformedError where `value` is no time of 0 s or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(Refusal.BAD_TYPE, f"{key} {shown(value)} is not a number of seconds")
    if not 0 <= value < math.inf:  # not a number is neither
        raise MalformedError(Refusal.BAD_TYPE, f"{key} {shown(value)} is not 0 or more seconds")
