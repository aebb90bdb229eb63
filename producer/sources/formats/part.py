"""One part of a multipart stream, and the headers that say how to read it. No I/O.

RFC 2046 (multipart), RFC 9110 5 (header fields), RFC 9110 5.6.6 (parameters).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# Bytes of one part's headers; twice what common HTTP servers take for a whole request.
MAX_HEADER_BYTES: Final = 16 * 1024

_PARAMETER: Final = re.compile(
    r""" ; \s* (?P<name> [^\s=;]+ ) \s* = \s*
    (?: "(?P<quoted> (?: [^"\\] | \\. )* )" | (?P<token> [^;]* ) )""",
    re.VERBOSE,
)

_TIMESTAMP: Final = re.compile(r"(?P<seconds>\d{1,10})(?:\.(?P<fraction>\d{1,9})\d*)?")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its body and its headers, whose names are in lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def header_fields(block: bytes) -> dict[str, str]:
    """Reads a block of header lines; names in lower case, of a repeated name the first value.

    Ends of line may be CRLF or LF; a line without a colon is ignored, a folded one continued.
    """
    fields: dict[str, str] = {}
    unfolded = re.sub(r"\r?\n[ \t]+", " ", block.decode("latin-1"))
    for line in re.split(r"\r?\n", unfolded):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def boundary_of(content_type: str) -> str | None:
    """Returns the boundary that a Content-Type names, quoted or not, among any parameters."""
    for parameter in _PARAMETER.finditer(content_type):
        if parameter["name"].lower() == "boundary":
            return _value(parameter) or None
    return None


def media_type_of(content_type: str) -> str:
    """Returns the media type of a Content-Type, in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def content_length(headers: Mapping[str, str]) -> int | None:
    """Returns the Content-Length of a part; None where there is none or it is no number."""
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def timestamp_ns(text: str) -> int | None:
    """Reads an X-Timestamp (`seconds.fraction` of Unix time) as ns; None for anything else."""
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        return None
    fraction = (match["fraction"] or "").ljust(9, "0")
    return int(match["seconds"]) * 1_000_000_000 + int(fraction)


def _value(parameter: re.Match[str]) -> str:
    if parameter["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", parameter["quoted"])
    return parameter["token"].strip()
