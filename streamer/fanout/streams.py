"""The streams of this node, by name: those of the configuration, published or watched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from protocol import Snapshot, StreamState, is_stream_name
from streamer.configuration.settings import StreamSettings
from streamer.fanout.part import Encoder, Part
from streamer.fanout.stream import Stream, StreamStatistics


class UnknownStreamError(LookupError):
    """No stream can have that name here."""


class LimitReachedError(Exception):
    """One more would be more than a setting allows; `str()` names the setting."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a node takes on.

    Attributes:
        max_clients: clients at the same time, over all streams.
        max_streams: streams that are known; one is for good once a frame has come for it.

    """

    max_clients: int
    max_streams: int


class Streams:
    """Every known stream.

    Args:
        token: boundary of all parts.
        settings_of: the settings of a stream by name; None for one that is not allowed.
        max_streams: how many there may be.

    """

    def __init__(
        self, token: str, settings_of: Callable[[str], StreamSettings | None], max_streams: int
    ) -> None:
        self._token = token
        self._settings_of = settings_of
        self._max_streams = max_streams
        self._streams: dict[str, Stream] = {}
        self._configured: frozenset[str] = frozenset()
        self._asked_for: dict[str, None] = {}  # those for which no frame may have come yet

    def __iter__(self) -> Iterator[Stream]:
        """Yields the streams, in the order they became known."""
        return iter(self._streams.values())

    def settings(self, name: str) -> StreamSettings:
        """Returns a stream's settings; raises UnknownStreamError."""
        settings = self._settings_of(name) if is_stream_name(name) else None
        if settings is None:
            raise UnknownStreamError(f"no stream {name!r} here")
        return settings

    def get(self, name: str) -> Stream | None:
        """Returns the stream of that name, if it is known."""
        return self._streams.get(name)

    def configure(self, names: Collection[str]) -> None:
        """Makes streams known that are never forgotten."""
        self._configured = frozenset(names)
        for name in names:
            self.known(name)

    def known(self, name: str) -> Stream:
        """Returns the stream of that name, known from now on; raises as `of` does."""
        stream = self.of(name)
        self.keep(stream)
        return stream

    def keep(self, stream: Stream) -> None:
        """Makes a stream known; one that nobody uses makes room for it, where there is none."""
        if stream.name in self._streams:
            return
        if len(self._streams) >= self._max_streams:
            name = self._unused()
            del self._streams[name], self._asked_for[name]
        self._streams[stream.name] = stream
        if stream.name not in self._configured:
            self._asked_for[stream.name] = None

    def of(self, name: str) -> Stream:
        """Returns the stream of that name; one that is not known yet has to be kept.

        Raises:
            UnknownStreamError: where the name is none, or not allowed.
            LimitReachedError: at `max_streams`.

        """
        stream = self._streams.get(name)
        if stream is None:
            settings = self.settings(name)
            if len(self._streams) >= self._max_streams:
                self._unused()
            encoder = Encoder(self._token, settings.content_type, settings.part_headers)
            return Stream(name, settings, encoder)
        return stream

    def _unused(self) -> str:
        """Returns a name that was only asked for: such names keep no producer out.

        Raises:
            LimitReachedError: where there is none.

        """
        for name in list(self._asked_for):
            stream = self._streams[name]
            if stream.unused:
                return name
            if stream.has_frames:
                del self._asked_for[name]
        raise LimitReachedError(f"max_streams = {self._max_streams} is reached")

    def last(self, name: str) -> Part | None:
        """Returns the newest part of a stream, if there is one."""
        stream = self._streams.get(name)
        return None if stream is None else stream.last

    def let_go(self, name: str) -> None:
        """Forgets what a stream showed last, because it is not taken any more."""
        stream = self._streams.get(name)
        if stream is not None:
            stream.let_go()

    def statistics(self, now: float) -> dict[str, StreamStatistics]:
        """Returns the figures of every known stream."""
        return {name: each.statistics(now) for name, each in self._streams.items()}

    def states(self, now: float) -> dict[str, StreamState]:
        """Returns every known stream as a heartbeat shows it."""
        return {name: each.state(now) for name, each in self._streams.items()}

    def snapshot(self, name: str) -> Snapshot:
        """Returns who watches a stream, known or not."""
        stream = self._streams.get(name)
        return Snapshot(name, 0, ()) if stream is None else stream.snapshot()

    def watched(self) -> list[str]:
        """Returns the names of the streams that have clients."""
        return [name for name, each in self._streams.items() if each.clients]
