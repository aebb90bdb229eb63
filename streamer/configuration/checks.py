"""Checks of single settings: each returns the value, or raises with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import protocol
from protocol import MAX_PORT, check_field_name, check_field_value


class SettingsError(ValueError):
    """A setting is wrong; `str()` is one line that names it and says what is allowed."""


def wrong(key: str, value: object, allowed: str) -> SettingsError:
    """Returns the error for a setting whose value is not allowed."""
    return SettingsError(f"{key} = {value!r}: allowed is {allowed}")


def check_int(key: str, value: object, low: int, high: int) -> int:
    """Returns a whole number in low..high; raises SettingsError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise wrong(key, value, f"a whole number from {low} to {high}")
    return value


def check_seconds(key: str, value: object, low: float, high: float) -> float:
    """Returns a number of seconds in low..high; raises SettingsError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(key, value, f"a number of seconds from {low:g} to {high:g}")
    return float(value)


def check_choice(key: str, value: object, choices: Sequence[str]) -> str:
    """Returns one of `choices`; raises SettingsError."""
    if value not in choices:
        raise wrong(key, value, " or ".join(f'"{each}"' for each in choices))
    return str(value)


def check_texts(key: str, value: object, allowed: str) -> tuple[str, ...]:
    """Returns a list of strings as a tuple; raises SettingsError."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise wrong(key, value, allowed)
    return tuple(value)


def check_headers(key: str, value: object, taken: frozenset[str]) -> Mapping[str, str]:
    """Returns header fields; raises SettingsError for one that is none, or is taken."""
    if not isinstance(value, Mapping):
        raise wrong(key, value, 'a table of strings, as { "X-Camera" = "door" }')
    for name, text in value.items():
        if str(name).lower() in taken:
            raise SettingsError(
                f"{key}.{name}: partcast sets this header itself; allowed is any other"
            )
        try:
            check_field_value(str(name), text)
            check_field_name(name)
        except ValueError as error:
            raise SettingsError(f"{key}.{name}: {error}") from error
    return dict(value)


# What stream names are made of, and what stands for any of it (fnmatch).
_PATTERN: Final = re.compile(r"[A-Za-z0-9._*?\[\]!-]+", re.ASCII)


def check_pattern(key: str, value: object) -> str:
    """Returns a pattern of stream names; raises SettingsError for one that none can match."""
    if not isinstance(value, str) or _PATTERN.fullmatch(value) is None:
        allowed = "a pattern of stream names (A-Z a-z 0-9 . _ - and the wildcards * ? [ ] !)"
        raise wrong(key, value, allowed)
    return value


_HOST_PORT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})")


def split_host_port(key: str, value: object) -> tuple[str, int]:
    """Returns host and port of `HOST:PORT`; raises SettingsError.

    A host is named always: nothing listens on all addresses unless it is told to.
    """
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[3]) > MAX_PORT:
        raise wrong(key, value, "HOST:PORT, as 127.0.0.1:8080, [::1]:0, or 0.0.0.0:8080 for all")
    host = match[1] or match[2]
    try:
        host.encode("idna")  # as it is looked up
    except UnicodeError as error:
        raise wrong(key, value, "HOST:PORT with the name of a host, as localhost:8080") from error
    return host, int(match[3])


def check_endpoint(key: str, value: object, example: str, *, bound: bool) -> str:
    """Returns a ZeroMQ endpoint; raises SettingsError.

    Args:
        key: of the setting.
        value: of the setting.
        example: of what is allowed.
        bound: whether it is bound, and so may have any free port.

    """
    try:
        return protocol.check_endpoint(value, example, bound=bound)
    except ValueError as error:
        raise wrong(key, value, str(error)) from error


def check_flag(key: str, value: object) -> bool:
    """Returns true or false; raises SettingsError."""
    if not isinstance(value, bool):
        raise wrong(key, value, "true or false")
    return value


def check_line(key: str, value: object) -> str:
    """Returns a text of one line, as a header takes it; raises SettingsError."""
    try:
        return check_field_value(key, value)
    except ValueError as error:
        raise wrong(key, value, "a text of one line") from error
