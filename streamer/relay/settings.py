"""Everything a relay can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

from protocol import (
    EVENTS_PRODUCER_SIDE,
    EVENTS_STREAMER_SIDE,
    FRAMES_PRODUCER_SIDE,
    FRAMES_STREAMER_SIDE,
    MAX_FRAME_BYTES,
)
from streamer.configuration import options
from streamer.configuration.checks import (
    check_choice,
    check_endpoint,
    check_int,
    check_line,
    check_texts,
    split_host_port,
    wrong,
)
from streamer.configuration.options import setting
from streamer.configuration.settings import LOG_LEVELS, MAX_BUFFER_BYTES

_DEFAULT_HOST: Final = "127.0.0.1"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\*", re.ASCII)  # a name, an interface, or all


@dataclass(frozen=True)
class RelaySettings:
    """Where a relay listens, and how much it lets wait.

    Raises:
        SettingsError: for a value of the wrong type or out of range.

    """

    bind: str = setting(_DEFAULT_HOST, "host of the four default endpoints, * for all", "HOST")
    producer_frames: str = setting(
        "", "endpoint producers publish to", "URL", shown=FRAMES_PRODUCER_SIDE
    )
    producer_events: str = setting(
        "", "endpoint producers hear from", "URL", shown=EVENTS_PRODUCER_SIDE
    )
    streamer_frames: str = setting(
        "", "endpoint streamers hear from", "URL", shown=FRAMES_STREAMER_SIDE
    )
    streamer_events: str = setting(
        "", "endpoint streamers publish to", "URL", shown=EVENTS_STREAMER_SIDE
    )
    upstream_frames: tuple[str, ...] = setting(
        (), "streamer-side frames endpoint(s) of relays nearer to the producers", "URL,..."
    )
    upstream_events: tuple[str, ...] = setting(
        (), "streamer-side events endpoint(s) of relays nearer to the producers", "URL,..."
    )
    http: str = setting("", "where to serve /metrics, /healthz and /readyz", "HOST:PORT")
    frames_hwm: int = setting(256, "frames that may wait for each connection")
    max_frame_bytes: int = setting(MAX_FRAME_BYTES, "largest payload that is relayed")
    log_level: str = setting("info", "debug, info, warning or error", "LEVEL")

    def __post_init__(self) -> None:
        host = _host(self.bind)
        for name, default in (
            ("producer_frames", FRAMES_PRODUCER_SIDE),
            ("producer_events", EVENTS_PRODUCER_SIDE),
            ("streamer_frames", FRAMES_STREAMER_SIDE),
            ("streamer_events", EVENTS_STREAMER_SIDE),
        ):
            url = getattr(self, name) or default.replace(_DEFAULT_HOST, host)
            object.__setattr__(self, name, check_endpoint(name, url, default, bound=True))
        for name in ("upstream_frames", "upstream_events"):
            given = getattr(self, name)
            urls = (given,) if isinstance(given, str) else given
            urls = check_texts(name, urls, "a list of ZeroMQ endpoints")
            for url in urls:
                check_endpoint(name, url, FRAMES_STREAMER_SIDE, bound=False)
            object.__setattr__(self, name, urls)
        if self.http:
            split_host_port("http", self.http)
        check_int("frames_hwm", self.frames_hwm, 1, 1_000_000)
        check_int("max_frame_bytes", self.max_frame_bytes, 1, MAX_BUFFER_BYTES)
        check_choice("log_level", self.log_level, LOG_LEVELS)


def _host(bind: object) -> str:
    """Returns a host as endpoints spell it: an address of IPv6 in brackets."""
    bare = check_line("bind", bind).strip("[]")
    if _HOST.fullmatch(bare) is not None:
        return bare
    try:
        return f"[{IPv6Address(bare)}]"
    except ValueError:
        raise wrong("bind", bind, "a host, as 127.0.0.1, [::1] or *") from None


def from_sources(
    given: Mapping[str, str], environment: Mapping[str, str], file: Mapping[str, Any]
) -> RelaySettings:
    """Returns the settings that option, environment, file and default make, in that order."""
    return options.from_sources(RelaySettings, given, environment, file, {})
