"""Everything the command can be told, as frozen values that cannot be invalid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from producer.command.errors import UsageError
from producer.command.options import FLAG, NUMBER, SECRET, TEXT, WHOLE, operand, option, wrong
from producer.sources import Order, SourceOptions, parse_size
from protocol import (
    EVENTS_PRODUCER_SIDE,
    FRAMES_PRODUCER_SIDE,
    check_client_id,
    check_endpoint,
    check_media_type,
    check_stream_name,
)

LOG_LEVELS: Final = ("debug", "info", "warning", "error")
STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every verb can be told.

    Raises:
        UsageError: for a value that is not allowed.

    """

    frames: str = option(TEXT, FRAMES_PRODUCER_SIDE, "endpoint that frames are published to", "URL")
    events: str = option(TEXT, EVENTS_PRODUCER_SIDE, "endpoint that events are heard from", "URL")
    log_level: str = option(TEXT, "info", "debug, info, warning or error", "LEVEL")

    def __post_init__(self) -> None:
        for key in ("frames", "events"):
            url = getattr(self, key)
            try:
                check_endpoint(url, FRAMES_PRODUCER_SIDE)
            except ValueError as error:
                raise wrong(key, url, str(error)) from error
        if self.log_level not in LOG_LEVELS:
            raise wrong("log_level", self.log_level, " or ".join(LOG_LEVELS))
        try:
            self._check()
        except UsageError:
            raise
        except ValueError as error:
            raise UsageError(str(error)) from error

    def _check(self) -> None:
        """Checks what a verb has beside; raises ValueError."""


@dataclass(frozen=True, kw_only=True)
class PublishSettings(Settings):
    """What `publish` can be told."""

    stream: str = operand("name of the stream")
    source: str = operand("what to show, see below")
    fps: float | None = option(
        NUMBER,
        None,
        "pictures a second: of folders and the test pattern (10 without it) and standard input; "
        "no more than that of cameras and videos; how often a still-image URL is asked (1)",
    )
    loop: bool = option(FLAG, False, "begin again at the end of a folder or video")
    order: str = option(TEXT, "name", f"order of a folder's images: {', '.join(Order)}", "ORDER")
    size: str | None = option(
        TEXT,
        None,
        "of the test pattern, webcams and videos (640x360, or their own)",
        "WIDTHxHEIGHT",
    )
    quality: int = option(WHOLE, 85, "JPEG quality of pictures that have to be encoded, 1 to 95")
    user: str | None = option(TEXT, None, "login name for a camera", "NAME")
    password: str | None = option(
        SECRET,
        None,
        "to that login. Every user of this machine may see an option: better say it as "
        "PARTCAST_PASSWORD or in the file",
    )
    verify_tls: bool = option(FLAG, True, "whether a server's certificate has to be valid")
    connect_timeout_s: float = option(NUMBER, 5.0, "time to reach a camera", "SECONDS")
    read_timeout_s: float = option(
        NUMBER, 30.0, "silence after which a camera counts as lost", "SECONDS"
    )
    content_type: str | None = option(
        TEXT, None, "media type of every frame (what each picture is without it)", "TYPE/SUBTYPE"
    )
    always: bool = option(FLAG, False, "run the source also while nobody watches")
    per_client: bool = option(FLAG, False, "replay the source from its start for each client")
    pace: bool = option(
        FLAG, True, "whether a replay keeps its pace, or goes as fast as its client takes it"
    )

    @cached_property
    def source_options(self) -> SourceOptions:
        """How the source is to be read."""
        return SourceOptions(
            fps=self.fps,
            loop=self.loop,
            order=Order(self.order),
            size=None if self.size is None else parse_size(self.size),
            quality=self.quality,
            user=self.user,
            password=self.password,
            verify_tls=self.verify_tls,
            connect_timeout_s=self.connect_timeout_s,
            read_timeout_s=self.read_timeout_s,
        )

    def _check(self) -> None:
        check_stream_name(self.stream)
        if self.order not in tuple(Order):
            raise wrong("order", self.order, " or ".join(Order))
        if self.content_type is not None:
            check_media_type(self.content_type)
        assert self.source_options is not None, "made here, so that it cannot fail later"
        self._check_together()

    def _check_together(self) -> None:
        if self.per_client and self.always:
            raise UsageError(
                "always and per_client: a replay begins when its client comes; allowed is either"
            )
        if not self.pace and not self.per_client:
            raise UsageError("pace = false: what all see has one pace; allowed with per_client")
        if self.per_client and self.source == STANDARD_INPUT:
            raise UsageError(
                "per_client: standard input can be read only once; allowed is any other source"
            )
        if self.loop and self.source == STANDARD_INPUT:
            raise UsageError(
                "loop: standard input cannot be repeated; allowed is a folder or a video"
            )


@dataclass(frozen=True, kw_only=True)
class StopSettings(Settings):
    """What `stop` can be told."""

    stream: str = operand("name of the stream")
    client: str | None = option(TEXT, None, "id of the only client to stop", "ID")

    def _check(self) -> None:
        check_stream_name(self.stream)
        if self.client is not None:
            check_client_id(self.client)


@dataclass(frozen=True, kw_only=True)
class EventsSettings(Settings):
    """What `events` can be told."""

    stream: str | None = operand("name of the only stream to show", default=None)

    def _check(self) -> None:
        if self.stream is not None:
            check_stream_name(self.stream)
