"""HTTP header fields: what may stand in a part's header block (RFC 9110, section 5)."""

from __future__ import annotations

import re
from typing import Final

from protocol.errors import MalformedError, Refusal
from protocol.scalars import SHOWN_CHARS, shown

_TCHARS: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD_NAME: Final = re.compile(_TCHARS, re.ASCII)
# field-content: visible characters, space and tab in between; obs-text is ISO-8859-1.
FIELD_VALUE: Final = re.compile(
    r"(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
)
MEDIA_TYPE: Final = re.compile(rf"{_TCHARS}/{_TCHARS}(?:[ \t]*;.*)?", re.ASCII)

# In a part these two are the streamer's own: one is computed, the other is `content_type`.
RESERVED_PART_FIELDS: Final = frozenset({"content-length", "content-type"})


def check_field_name(name: object) -> str:
    """Returns `name`; raises MalformedError where it is no field name (RFC 9110, 5.1)."""
    if not isinstance(name, str):
        raise MalformedError(Refusal.BAD_TYPE, f"header name {shown(name)} is not a string")
    if FIELD_NAME.fullmatch(name) is None:
        raise MalformedError(
            Refusal.BAD_HEADER, f"bad header name {shown(name)}: an HTTP token is allowed"
        )
    return name


def check_field_value(name: str, value: object) -> str:
    """Returns `value`; raises MalformedError where it is no field value (RFC 9110, 5.5)."""
    if not isinstance(value, str):
        raise MalformedError(
            Refusal.BAD_TYPE, f"value of header {name[:SHOWN_CHARS]} is not a string"
        )
    if FIELD_VALUE.fullmatch(value) is None:
        raise MalformedError(
            Refusal.BAD_HEADER,
            f"bad value {shown(value)} of header {name[:SHOWN_CHARS]}: allowed are visible "
            "ISO-8859-1 characters, with spaces or tabs only in between",
        )
    return value


def check_media_type(value: object, key: str = "content_type") -> str:
    """Returns `value`; raises MalformedError where it is no media type (RFC 9110, 8.3.1)."""
    text = check_field_value(key, value)
    if MEDIA_TYPE.fullmatch(text) is None:
        raise MalformedError(
            Refusal.BAD_HEADER, f"bad {key} {shown(text)}: allowed is type/subtype, as image/jpeg"
        )
    return text


def essence(media_type: str) -> str:
    """Returns type/subtype in lower case, without parameters."""
    return media_type.partition(";")[0].strip().lower()
