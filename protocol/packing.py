"""Msgpack from outside: one map, within bounds."""

from __future__ import annotations

from typing import Any

import msgpack

from protocol.errors import MalformedError, Refusal


def unpack_map(packed: bytes, what: str, *, max_bytes: int, max_items: int) -> dict[Any, Any]:
    """Returns the msgpack map in `packed`.

    Args:
        packed: the bytes.
        what: how an error calls them.
        max_bytes: how many there may be.
        max_items: how many items a map or array in there may have. A few bytes claim millions
            of items, each array in the one before; memory for them is had before they are
            read.

    Raises:
        MalformedError: for anything else.

    """
    if len(packed) > max_bytes:
        raise MalformedError(
            Refusal.TOO_LARGE, f"{what} of {len(packed)} bytes: {max_bytes} are allowed"
        )
    try:
        unpacked = msgpack.unpackb(
            packed, strict_map_key=False, max_array_len=max_items, max_map_len=max_items
        )
    # Hostile bytes raise whatever the types inside them raise: unhashable keys, bad UTF-8,
    # extension times out of range, nesting too deep. All of it is "no msgpack of ours".
    except Exception as error:
        reason = f"{type(error).__name__} {str(error)[:80]}".strip()
        raise MalformedError(
            Refusal.BAD_MSGPACK, f"bad msgpack in {what} ({reason}): a map is allowed"
        ) from error
    if not isinstance(unpacked, dict):
        raise MalformedError(
            Refusal.BAD_TYPE, f"{what} is a {type(unpacked).__name__} in msgpack: a map is allowed"
        )
    return unpacked
