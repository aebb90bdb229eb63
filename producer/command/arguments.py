"""The command line: verbs, their arguments, their options and their help."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass
from importlib.metadata import version
from typing import Any, Final, NoReturn

from producer.command.errors import UsageError
from producer.command.options import (
    FLAG,
    PREFIX,
    combine,
    long_option,
    operands_of,
    options_of,
    read_file,
)
from producer.command.settings import EventsSettings, PublishSettings, Settings, StopSettings
from producer.sources.opening import KINDS

PROGRAM: Final = "partcast-producer"
_DESCRIPTION: Final = "Publish pictures to the streamers, stop streams, show who watches."
_EPILOG: Final = """\
Every option is also a key of the file (_ for -) and a variable PARTCAST_<NAME>;
option goes over variable, over file, over default.
"""

_PUBLISH: Final = f"""\
Publish a source as a stream.

{textwrap.fill(f"SOURCE is {KINDS}.", 95)}

The source runs only while somebody watches: it begins with the first client and stops shortly
after the last has left; --always keeps it running. Recorded pictures keep their pace, live ones
are sent at once. A camera or streamer that is away is waited for.

A source that has an end is shown once: from its start when the first client comes, to its end,
for whoever watches meanwhile. If all leave before, it begins again with the next client. Then the
stream is stopped, so that every client gets all of it and a clean end, and the command exits;
who comes later finds the stream empty. To show it for ever use --loop, to show it to everybody
from its start use --per-client. What writes to standard input is held up while nobody watches.
The stream of a source that fails for good is stopped as at its end, once it has shown anything.

--per-client sends each client a replay of its own, several at once, at the pace of the recording
and no faster than the client takes it: where the streamer has overload = "queue" for the stream
nothing is lost. ?from=SECONDS in a client's URL leaves out what comes before.
"""

_STOP: Final = """\
End a stream for all its clients, or for one, at once: each gets the part under way to its end and
a clean end of the response; what waits for it behind that part is dropped. Who comes later finds
the stream empty. A producer that goes on publishing begins it again, for those who come then.

Exits 0 when the streamers were told, 1 where none was found within 3 seconds, or none takes the
stream or the client, and 128 and the number of the signal that came before.
"""

_EVENTS: Final = """\
Show who comes and goes: one JSON object per line and event, as the streamers publish them, until
interrupted. Of a streamer that vanished the clients are shown as closed, with the reason "lost".
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the command."""

    name: str
    settings: type[Settings]
    summary: str
    description: str


VERBS: Final = (
    Verb("publish", PublishSettings, "publish a source as a stream", _PUBLISH),
    Verb("stop", StopSettings, "end a stream for its clients", _STOP),
    Verb("events", EventsSettings, "show who comes and goes", _EVENTS),
)


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Returns what the command is told; exits 0 for `--help` and `--version`.

    Raises:
        UsageError: for anything that is not allowed.

    """
    given = vars(_parser().parse_args(arguments))
    verb: Verb = given.pop("verb")
    # One file serves all verbs: each takes what is its own.
    known = dict.fromkeys(option.name for each in VERBS for option in options_of(each.settings))
    file = read_file(given.pop("config", None) or environment.get(f"{PREFIX}CONFIG"), known)
    values = combine(options_of(verb.settings), given, environment, file)
    operands = (each.name for each in operands_of(verb.settings))
    return verb.settings(**values, **{name: given[name] for name in operands if name in given})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.prog} --help lists what is allowed)")


def _parser() -> _Parser:
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION, allow_abbrev=False)
    _add_version(parser)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        each = verbs.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.description,
            epilog=_EPILOG,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
        )
        each.set_defaults(verb=verb)
        _add_version(each)
        _add_arguments(each, verb.settings)
    return parser


def _add_version(parser: _Parser) -> None:
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version('partcast')}")


def _add_arguments(parser: _Parser, settings: type[Settings]) -> None:
    for each in operands_of(settings):
        parser.add_argument(
            each.name,
            metavar=each.name.upper(),
            help=each.metadata["operand"],
            nargs="?" if each.default is None else None,
        )
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings")
    for each in options_of(settings):
        _add_option(parser, each)


def _add_option(parser: _Parser, option: Field[Any]) -> None:
    text = (option.metadata["help"] + _shown(option.default)).replace("%", "%%")
    if option.metadata["kind"] is FLAG:
        flag = argparse.BooleanOptionalAction
        parser.add_argument(long_option(option.name), action=flag, help=text)
    else:
        metavar = option.metadata["metavar"]
        parser.add_argument(long_option(option.name), metavar=metavar, help=text)


def _shown(default: object) -> str:
    match default:
        case None | False:
            return ""
        case True:
            return " (default)"
        case float():
            return f" (default {default:g})"
        case _:
            return f" (default {default})"
