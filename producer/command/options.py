"""Options from the command line, the environment and a file: the same names in all three.

Settings are a frozen dataclass. A field made with `option` is a long option (`-` for `_`), an
environment variable (`PARTCAST_<NAME>`) and a key of the file; option goes over environment,
over file, over default. A field made with `operand` is an argument without a name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from producer.command.errors import UsageError

PREFIX: Final = "PARTCAST_"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the value of an option may be.

    Attributes:
        allowed: in words.
        types: of the value in a file.
        read: makes a value of a text; raises ValueError.
        metavar: what stands for the value in the help.

    """

    allowed: str
    types: tuple[type, ...]
    read: Callable[[str], object]
    metavar: str = "TEXT"


_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError(text)
    return _FLAGS[text.lower()]


TEXT: Final = Kind("a text", (str,), str)
SECRET: Final = Kind("a text", (str,), str)  # never shown, in no error either
NUMBER: Final = Kind("a number", (int, float), float, "N")
WHOLE: Final = Kind("a whole number", (int,), int, "N")
FLAG: Final = Kind("true or false", (bool,), _flag)


def option(kind: Kind, default: object, help_text: str, metavar: str = "") -> Any:
    """Returns a dataclass field that is an option."""
    metadata = {"kind": kind, "help": help_text, "metavar": metavar or kind.metavar}
    return field(default=default, metadata=metadata, repr=kind is not SECRET)


def operand(help_text: str, *, default: object = MISSING) -> Any:
    """Returns a dataclass field that is an argument; it may be left out where it has a default."""
    return field(default=default, metadata={"operand": help_text})


def options_of(kind: type[Any]) -> list[Field[Any]]:
    """Returns the fields of a class of settings that are options."""
    return [each for each in fields(kind) if "kind" in each.metadata]


def operands_of(kind: type[Any]) -> list[Field[Any]]:
    """Returns the fields of a class of settings that are arguments."""
    return [each for each in fields(kind) if "operand" in each.metadata]


def long_option(name: str) -> str:
    """Returns the long option of a field."""
    return "--" + name.replace("_", "-")


def combine(
    options: Iterable[Field[Any]],
    given: Mapping[str, str | bool],
    environment: Mapping[str, str],
    file: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the values that option, environment and file make, in that order.

    Raises:
        UsageError: for a value of the wrong type.

    """
    values: dict[str, Any] = {}
    for each in options:
        name, kind = each.name, each.metadata["kind"]
        variable = PREFIX + name.upper()
        if name in given:
            values[name] = _from_text(long_option(name), given[name], kind)
        elif variable in environment:
            values[name] = _from_text(variable, environment[variable], kind)
        elif name in file:
            values[name] = _from_file(name, file[name], kind)
    return values


def _from_text(where: str, given: str | bool, kind: Kind) -> object:
    if isinstance(given, bool):
        return given
    try:
        return kind.read(given)
    except ValueError:
        raise wrong(where, given, kind.allowed) from None


def _from_file(name: str, value: object, kind: Kind) -> object:
    if not isinstance(value, kind.types) or (isinstance(value, bool) and kind is not FLAG):
        raise wrong(name, "..." if kind is SECRET else value, kind.allowed)
    return value


def wrong(where: str, value: object, allowed: str) -> UsageError:
    """Returns the error for a value that is not allowed."""
    return UsageError(f"{where} = {value!r}: allowed is {allowed}")


def read_file(path: str | None, known: Iterable[str]) -> dict[str, Any]:
    """Returns what a TOML file holds, nothing where there is none.

    Raises:
        UsageError: for a file that cannot be read, or has a key that is not `known`.

    """
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"config {path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, no UTF-8, or no name of a file
        raise UsageError(f"config {path!r}: {error}") from error
    for key in content:
        if key not in known:
            raise UsageError(f"unknown key {key} in {path}: allowed are {', '.join(known)}")
    return content
