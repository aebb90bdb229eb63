"""Pictures from cameras, videos, folders, standard input, or drawn: what a command publishes.

`open_source` takes what a person names; a `Source` then brings `Picture`s, each with the moment to
show it. Nothing in here knows ZeroMQ or waits for anybody's clients.
"""

from __future__ import annotations

from producer.sources.opening import open_source
from producer.sources.options import Order, SourceOptions, parse_size
from producer.sources.source import (
    MAX_PICTURE_BYTES,
    Picture,
    Pictures,
    Source,
    SourceError,
)

__all__ = [
    "MAX_PICTURE_BYTES",
    "Order",
    "Picture",
    "Pictures",
    "Source",
    "SourceError",
    "SourceOptions",
    "open_source",
    "parse_size",
]
