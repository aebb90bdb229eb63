"""Settings from options, environment and file: the same names in all three.

A class of settings is a frozen dataclass whose fields carry a help text. Each such field is
a key of the file, a long option (`-` for `_`) and an environment variable
(`PARTCAST_<NAME>`); option goes over environment, over file, over default.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

from streamer.configuration.checks import SettingsError, wrong

S = TypeVar("S")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} (--help lists what is allowed)")


def setting(
    default: Any, help_text: str, metavar: str = "", *, shown: str = "", word: str | None = None
) -> Any:
    """Returns a dataclass field that is an option.

    Args:
        default: value where no source gives one.
        help_text: one line of help.
        metavar: what stands for the value in the help; empty where name or type tell.
        shown: the default in words, where the value does not tell it.
        word: what a number may be besides.

    """
    metadata = {"help": help_text, "metavar": metavar, "shown": shown, "word": word}
    return field(default=default, metadata=metadata)


def options(kind: type[Any]) -> list[Field[Any]]:
    """Returns the fields of a class of settings that are options."""
    return [each for each in fields(kind) if "help" in each.metadata]


def from_text(option: Field[Any], text: str) -> Any:
    """Returns the value that an option or environment variable spells; raises SettingsError."""
    name, default = option.name, option.default
    if isinstance(default, tuple):
        return tuple(each.strip() for each in text.split(",") if each.strip())
    if isinstance(default, bool):
        flags = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in flags:
            raise wrong(name, text, "true or false")
        return flags[text.lower()]
    if isinstance(default, int | float) and text != option.metadata["word"]:
        try:
            return float(text) if isinstance(default, float) else int(text)
        except ValueError:
            kind = "a number of seconds" if isinstance(default, float) else "a whole number"
            raise wrong(name, text, kind) from None
    return text


def from_sources(
    kind: type[S],
    given: Mapping[str, str],
    environment: Mapping[str, str],
    file: Mapping[str, Any],
    tables: Mapping[str, Callable[[Any], Any]],
) -> S:
    """Returns the settings that option, environment, file and default make, in that order.

    Args:
        kind: the class of the settings.
        given: options by name, as texts.
        environment: the process's environment.
        file: the parsed TOML file.
        tables: keys of the file that are no options, and what makes a value of them.

    Raises:
        SettingsError: for an unknown key, a wrong type or value.

    """
    known = {each.name: each for each in options(kind)}
    values: dict[str, Any] = {}
    for key, value in file.items():
        if key in tables:
            values[key] = tables[key](value)
        elif key in known:
            values[key] = tuple(value) if isinstance(value, list) else value
        else:
            raise SettingsError(f"unknown key {key}: allowed are {', '.join((*tables, *known))}")
    for name, option in known.items():
        variable = f"PARTCAST_{name.upper()}"
        if name in given:
            values[name] = from_text(option, given[name])
        elif variable in environment:
            try:
                values[name] = from_text(option, environment[variable])
            except SettingsError as error:
                raise SettingsError(f"{variable}: {error}") from error
    return kind(**values)


def read_options(
    kind: type[Any], program: str, description: str, arguments: list[str]
) -> tuple[dict[str, str], str | None]:
    """Returns the options that were given, as texts, and the path of the file or None."""
    parser = _Parser(
        prog=program,
        description=description,
        epilog="Every option is also a key of the file and a variable PARTCAST_<NAME>.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('partcast')}")
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings")
    for each in options(kind):
        flag = each.default is False
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            metavar=_metavar(each),
            nargs="?" if flag else None,
            const="true" if flag else None,
            help=f"{each.metadata['help']} (default {_shown(each)})".replace("%", "%%"),
        )
    given = vars(parser.parse_args(arguments))
    path = given.pop("config")
    return {name: value for name, value in given.items() if value is not None}, path


def read_file(path: str | None) -> dict[str, Any]:
    """Returns what a TOML file holds, nothing where there is none; raises SettingsError."""
    if not path:
        return {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a path of the user's
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config {path}: {error}") from error


def _metavar(option: Field[Any]) -> str:
    """Returns what stands for a value in the help: as given, else by unit and type."""
    if option.metadata["metavar"]:
        return str(option.metadata["metavar"])
    if isinstance(option.default, bool):
        return "true|false"
    for unit, metavar in (("_s", "SECONDS"), ("_bytes", "BYTES")):
        if option.name.endswith(unit):
            return metavar
    return "N" if isinstance(option.default, int) else "TEXT"


def _shown(option: Field[Any]) -> str:
    default = option.default
    if option.metadata["shown"]:
        return str(option.metadata["shown"])
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default) or "none"
