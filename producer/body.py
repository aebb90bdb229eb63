"""What can be published as it is."""

from __future__ import annotations

from typing import TypeAlias

Body: TypeAlias = bytes | bytearray | memoryview


def as_bytes(body: object) -> bytes:
    """Returns a copy that nobody changes any more; raises TypeError for what holds no bytes."""
    if isinstance(body, bytes):
        return body
    try:
        return memoryview(body).tobytes()  # type: ignore[arg-type]
    except TypeError as error:
        raise TypeError(
            f"body is a {type(body).__name__}: allowed are bytes, and what holds bytes"
        ) from error
