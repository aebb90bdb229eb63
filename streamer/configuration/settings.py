"""Everything a streamer can be told, as frozen values that cannot be invalid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    Overload,
    check_media_type,
    is_stream_name,
)
from streamer.configuration import options
from streamer.configuration.checks import (
    SettingsError,
    check_choice,
    check_endpoint,
    check_flag,
    check_headers,
    check_int,
    check_line,
    check_pattern,
    check_seconds,
    check_texts,
    split_host_port,
    wrong,
)
from streamer.configuration.options import setting
from streamer.fanout.limits import Limits

# A part head, its delimiter and the smallest picture: less would make every client busy.
MIN_BUFFER_BYTES: Final = 4096
MAX_BUFFER_BYTES: Final = 2**31 - 1
# Response headers that the form of the response needs; they cannot be set.
MANDATORY_HEADERS: Final = frozenset(
    {
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "cache-control",
        "pragma",
        "expires",
        "x-accel-buffering",
        "date",
        "server",
    }
)
COMPUTED_PART_HEADERS: Final = frozenset({"content-type", "content-length", "x-timestamp"})
EVENT_KINDS: Final = ("new_connection", "closed_connection", "no_connection")
SUBSCRIPTIONS: Final = ("all", "watched")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class StreamSettings:
    """What the configuration says of one stream, or of all that a pattern matches.

    Attributes:
        overload: what happens to a client that cannot keep up, "latest" or "queue".
        client_buffer_bytes: high-water mark: what may wait for a client, kernel included.
        queue_bytes: under "queue", what may wait for a client beyond that.
        window: under "queue", targeted parts that may be under way to a client.
        stall_timeout_s: a client that accepts nothing for so long is closed.
        repeat_after_s: silence after which the last picture is sent again; 0 means never.
        content_type: media type of frames that name none.
        status_code: HTTP status of the stream's responses.
        events: which kinds of connection events are published.
        headers: further response headers.
        part_headers: further headers of every part.

    Raises:
        SettingsError: for a value of the wrong type or out of range.

    """

    overload: Overload = Overload.LATEST
    client_buffer_bytes: int = 262_144
    queue_bytes: int = 8_388_608
    window: int = 16
    stall_timeout_s: float = 30.0
    repeat_after_s: float = 1.0
    content_type: str = "image/jpeg"
    status_code: int = 200
    events: tuple[str, ...] = EVENT_KINDS
    headers: Mapping[str, str] = field(default_factory=dict)
    part_headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._set("overload", Overload(check_choice("overload", self.overload, tuple(Overload))))
        check_int(
            "client_buffer_bytes", self.client_buffer_bytes, MIN_BUFFER_BYTES, MAX_BUFFER_BYTES
        )
        check_int("queue_bytes", self.queue_bytes, MIN_BUFFER_BYTES, MAX_BUFFER_BYTES)
        check_int("window", self.window, 1, 1_000_000)
        self._set(
            "stall_timeout_s", check_seconds("stall_timeout_s", self.stall_timeout_s, 0.1, 86400)
        )
        self._set("repeat_after_s", check_seconds("repeat_after_s", self.repeat_after_s, 0, 86400))
        self._check_content_type()
        self._check_status_code()
        events = check_texts("events", self.events, f"a list of {', '.join(EVENT_KINDS)}")
        for kind in events:
            check_choice("events", kind, EVENT_KINDS)
        self._set("events", events)
        self._set("headers", check_headers("headers", self.headers, MANDATORY_HEADERS))
        self._set(
            "part_headers", check_headers("part_headers", self.part_headers, COMPUTED_PART_HEADERS)
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_content_type(self) -> None:
        try:
            check_media_type(self.content_type)
        except ValueError as error:
            raise wrong("content_type", self.content_type, "type/subtype, as image/jpeg") from error

    def _check_status_code(self) -> None:
        check_int("status_code", self.status_code, 200, 599)
        # Responses of these codes have no body (RFC 9110, 15.3.5, 15.3.6, 15.4.5).
        if self.status_code in {204, 205, 304}:
            raise wrong("status_code", self.status_code, "a code whose response has a body")

    @cached_property
    def limits(self) -> Limits:
        """How much may wait for each client."""
        return Limits(self.overload, self.client_buffer_bytes, self.queue_bytes, self.window)

    @property
    def reason(self) -> str:
        """The reason phrase of the status line."""
        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return "Stream"


@dataclass(frozen=True)
class Settings:
    """Everything a streamer process can be told.

    Raises:
        SettingsError: for a value of the wrong type or out of range.

    """

    http: str = setting(
        "127.0.0.1:8080", "where to serve HTTP; port 0 takes a free one", "HOST:PORT"
    )
    bind_frames: str = setting("", "endpoint to bind for frames", "URL", shown=FRAMES_PRODUCER_SIDE)
    bind_events: str = setting("", "endpoint to bind for events", "URL", shown=EVENTS_PRODUCER_SIDE)
    connect_frames: tuple[str, ...] = setting(
        (), "relay's endpoint(s) for frames, in place of binding", "URL,..."
    )
    connect_events: tuple[str, ...] = setting(
        (), "relay's endpoint(s) for events, in place of binding", "URL,..."
    )
    workers: int | str = setting(
        1, "processes that share the HTTP port, or auto: one per core", "N|auto", word="auto"
    )
    allow_streams: tuple[str, ...] = setting(
        ("*",), "patterns of the stream names there may be", "PATTERN,..."
    )
    subscribe: str = setting(
        "all",
        "streams to take: all, for an instant start, or watched, to spare the network",
        "all|watched",
    )
    max_frame_bytes: int = setting(MAX_FRAME_BYTES, "largest payload that is taken in")
    max_header_bytes: int = setting(MAX_HEADER_BYTES, "largest frame header that is taken in")
    max_clients: int = setting(20_000, "clients at the same time")
    max_streams: int = setting(1_000, "streams that are known")
    frames_hwm: int = setting(256, "messages that may wait for each producer's connection")
    heartbeat_interval_s: float = setting(1.0, "time between two heartbeats")
    drain_s: float = setting(0.0, "time to go on serving after SIGTERM, not ready")
    spread_s: float = setting(
        0.0, "time over which clients are ended then, so that they come back one by one"
    )
    trust_proxy: bool = setting(False, "believe X-Forwarded-For and X-Real-Ip of a proxy in front")
    cors_origin: str = setting("", "Access-Control-Allow-Origin of every answer, as *", "ORIGIN")
    tls_cert: str = setting("", "PEM file of the certificate chain: serves HTTPS", "FILE")
    tls_key: str = setting("", "PEM file of the certificate's private key", "FILE")
    log_level: str = setting("info", "debug, info, warning or error", "LEVEL")
    streams: tuple[tuple[str, StreamSettings], ...] = ()

    def __post_init__(self) -> None:
        split_host_port("http", self.http)
        self._check_endpoints()
        if self.workers != "auto":
            self._check_workers()
        self._check_patterns()
        check_int("max_frame_bytes", self.max_frame_bytes, 1, MAX_BUFFER_BYTES)
        check_int("max_header_bytes", self.max_header_bytes, 64, 2**20)
        check_int("max_clients", self.max_clients, 1, 10_000_000)
        check_int("max_streams", self.max_streams, 1, 1_000_000)
        check_int("frames_hwm", self.frames_hwm, 1, 1_000_000)
        self._set(
            "heartbeat_interval_s",
            check_seconds("heartbeat_interval_s", self.heartbeat_interval_s, 0.05, 3600),
        )
        self._set("drain_s", check_seconds("drain_s", self.drain_s, 0, 86400))
        self._set("spread_s", check_seconds("spread_s", self.spread_s, 0, 3600))
        self._check_texts()
        check_choice("subscribe", self.subscribe, SUBSCRIPTIONS)
        check_choice("log_level", self.log_level, LOG_LEVELS)
        if len(self.named_streams) > self.max_streams:
            named = len(self.named_streams)
            raise wrong("max_streams", self.max_streams, f"the {named} named streams or more")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_patterns(self) -> None:
        allowed = check_texts("allow_streams", self.allow_streams, "a list of patterns")
        if not allowed:
            raise wrong("allow_streams", [], "one pattern or more, as cam*")
        for pattern in allowed:
            check_pattern("allow_streams", pattern)
        for pattern, _ in self.streams:
            check_pattern("streams", pattern)
        self._set("allow_streams", allowed)

    def _check_workers(self) -> None:
        try:
            check_int("workers", self.workers, 1, 256)
        except SettingsError as error:
            raise SettingsError(f'{error}, or "auto"') from error

    def _check_endpoints(self) -> None:
        for name, default in (("frames", FRAMES_PRODUCER_SIDE), ("events", EVENTS_PRODUCER_SIDE)):
            bind, connect = f"bind_{name}", f"connect_{name}"
            given = getattr(self, connect)
            urls = (given,) if isinstance(given, str) else given
            urls = check_texts(connect, urls, "a list of ZeroMQ endpoints")
            if not urls and getattr(self, bind) == "":
                self._set(bind, default)
            for key, url in ((bind, getattr(self, bind)), *((connect, each) for each in urls)):
                if url != "":
                    check_endpoint(key, url, default, bound=key == bind)
            self._set(connect, urls)

    def _check_texts(self) -> None:
        check_flag("trust_proxy", self.trust_proxy)
        for key in ("cors_origin", "tls_cert", "tls_key"):
            check_line(key, getattr(self, key))
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError("tls_cert and tls_key: allowed are both or neither")

    def of_stream(self, name: str) -> StreamSettings | None:
        """Returns a stream's settings, the first pattern's that matches; None if not allowed."""
        if not any(fnmatchcase(name, pattern) for pattern in self.allow_streams):
            return None
        for pattern, settings in self.streams:
            if fnmatchcase(name, pattern):
                return settings
        return DEFAULT_STREAM

    @property
    def named_streams(self) -> list[str]:
        """The streams that the configuration names without a wildcard."""
        patterns = [pattern for pattern, _ in self.streams]
        return [
            each
            for each in dict.fromkeys([*patterns, *self.allow_streams])
            if is_stream_name(each) and self.of_stream(each) is not None
        ]


DEFAULT_STREAM: Final = StreamSettings()


def from_sources(
    given: Mapping[str, str], environment: Mapping[str, str], file: Mapping[str, Any]
) -> Settings:
    """Returns the settings that option, environment, file and default make, in that order.

    Raises:
        SettingsError: for an unknown key, a wrong type or value.

    """
    return options.from_sources(Settings, given, environment, file, {"streams": _stream_tables})


def _stream_tables(tables: Any) -> tuple[tuple[str, StreamSettings], ...]:
    if not isinstance(tables, Mapping):
        raise wrong("streams", tables, 'tables, as [streams."cam*"]')
    read = [(pattern, _stream_table(pattern, table)) for pattern, table in tables.items()]
    return tuple(sorted(read, key=lambda each: each[0] == "*"))  # for all: last, wherever it stands


def _stream_table(pattern: str, table: Any) -> StreamSettings:
    where = f'streams."{pattern}"'
    if not isinstance(table, Mapping):
        raise wrong(where, table, "a table")
    names = [each.name for each in fields(StreamSettings)]
    for key in table:
        if key not in names:
            raise SettingsError(f"unknown key {where}.{key}: allowed are {', '.join(names)}")
    try:
        return StreamSettings(**table)
    except SettingsError as error:
        raise SettingsError(f"{where}.{error}") from error
