"""One stream on this node: its clients, its last frame, its figures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from protocol import (
    ClosedConnection,
    CloseReason,
    Frame,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
)
from streamer.configuration.settings import StreamSettings
from streamer.fanout.part import Encoder, Part
from streamer.fanout.rows import Rows
from streamer.fanout.stops import Ended, Numbering, Stops
from streamer.fanout.totals import Totals
from streamer.fanout.viewer import Viewer

# How long skipped parts colour a stream yellow, seconds.
YELLOW_S: Final = 5.0
# Time between two repeats of a still picture, seconds; readers give up after 10.
REPEAT_EVERY_S: Final = 5.0
# Seconds over which frames per second are counted.
FPS_SPAN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """A stream's figures at one moment.

    Attributes:
        status: how the stream is doing.
        connections: clients on this node.
        parts: parts delivered to clients since the start.
        skipped: parts skipped for clients since the start.
        bytes: payload bytes delivered since the start.
        repeats: repeated parts since the start.
        frames: frames published since the start.
        fps: frames per second over the last seconds.
        age: seconds since the last frame; None where there was none.
        content_type: media type of the last frame; None where there was none.
        overload: the stream's policy.

    """

    status: Status
    connections: int
    parts: int
    skipped: int
    bytes: int
    repeats: int
    frames: int
    fps: float
    age: float | None
    content_type: str | None
    overload: Overload


class Stream:
    """One stream on this node.

    Attributes:
        name: the stream's name.
        settings: what the configuration says of it.
        limits: how much may wait for each of its clients.
        encoder: makes its parts.
        clients: who watches, by client id, in the order they came.
        totals: what they have got, and those before them.
        rows: the clients, as parts are carried to them.
        last: the newest part for all; None before the first and after a stop.
        last_at: when it came.
        stops: what ends it, and when.

    """

    def __init__(self, name: str, settings: StreamSettings, encoder: Encoder) -> None:
        self.name = name
        self.settings = settings
        self.limits = settings.limits
        self.encoder = encoder
        self.clients: dict[str, Viewer] = {}
        self.totals = Totals()
        self.rows = Rows(self.limits.bound, self.totals)
        self.last: Part | None = None
        self.last_at = 0.0
        self.stops = Stops()
        self._had = Numbering()
        self._frames = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._skipped_seen = 0
        self._skipped_at = -YELLOW_S
        self._oversized = False

    def arrived(self, part: Part, now: float) -> None:
        """Counts a frame, for all or for one."""
        self._frames += 1
        self._oversized = part.size > self.limits.client_buffer_bytes
        if not part.targeted:
            self.last = part
            self.last_at = now
            self._had.note(part.producer, part.seq)

    @property
    def has_frames(self) -> bool:
        """Whether a frame has come for it."""
        return self._frames > 0

    @property
    def unused(self) -> bool:
        """Whether nobody watches it, nothing has come for it, and nothing waits for that."""
        return not self.clients and not self.has_frames and not self.stops.waiting

    def has_had(self, frame: Frame) -> bool:
        """Tells whether a frame that is sent once more, or one behind it, has come already."""
        if frame.seq is None or frame.producer is None:
            return False
        return self._had.reached(frame.producer, frame.seq)

    def let_go(self) -> None:
        """Forgets the last frame, because what comes after it is not taken any more."""
        self._forget()
        self._had.forget(None)

    def end(self, ended: Ended) -> None:
        """Starts afresh after a stop, but for a frame that came behind what was stopped."""
        last = self.last
        if last is not None and (ended.seq is None or not ended.cuts(last)):
            of_the_stop = last.seq is not None and ended.producer in {None, last.producer}
            if of_the_stop or ended.means(self.last_at):
                self._forget()

    def _forget(self) -> None:
        self.last = None
        self._oversized = False
        self._samples.clear()

    def closed(self, client: Viewer, reason: CloseReason, now: float) -> ClosedConnection:
        """Returns what is said of a client that has left."""
        return ClosedConnection(
            self.name,
            client.id,
            len(self.clients),
            reason,
            max(0.0, now - client.joined_at),
            client.parts,
            client.payload_bytes,
            client.skipped,
            client.repeats,
        )

    def sample(self, now: float) -> None:
        """Looks at the counters; called several times a second."""
        if self.totals.skipped != self._skipped_seen:
            self._skipped_seen = self.totals.skipped
            self._skipped_at = now
        if not self._samples or now - self._samples[-1][0] >= 1.0:
            self._samples.append((now, self._frames))
        while len(self._samples) > 1 and now - self._samples[1][0] >= FPS_SPAN_S:
            self._samples.popleft()

    def due_for_repeat(self, client: Viewer, now: float) -> bool:
        """Tells whether a client has seen nothing for so long that it gets the picture again."""
        seen_at = max(self.last_at, client.joined_at)
        if client.repeated_at > seen_at:
            return now >= client.repeated_at + REPEAT_EVERY_S
        return now >= seen_at + self.settings.repeat_after_s

    def repeats(self, now: float) -> bool:
        """Tells whether the stream is still, and of a kind that is repeated."""
        return (
            self.last is not None
            and self.settings.repeat_after_s > 0
            and self.last.is_image
            and self.limits.overload is Overload.LATEST
            and now >= self.last_at + self.settings.repeat_after_s
        )

    def status(self, now: float) -> Status:
        """Returns how the stream is doing; red goes before yellow, yellow before blue."""
        if not self.clients:
            return Status.GREY
        if self._oversized:
            return Status.RED
        if self.totals.skipped != self._skipped_seen or now - self._skipped_at < YELLOW_S:
            return Status.YELLOW
        return Status.BLUE

    def statistics(self, now: float) -> StreamStatistics:
        """Returns the stream's figures."""
        return StreamStatistics(
            status=self.status(now),
            connections=len(self.clients),
            parts=self.totals.parts,
            skipped=self.totals.skipped,
            bytes=self.totals.bytes,
            repeats=self.totals.repeats,
            frames=self._frames,
            fps=self._fps(now),
            age=None if self.last is None else max(0.0, now - self.last_at),
            content_type=None if self.last is None else self.last.content_type,
            overload=self.limits.overload,
        )

    def state(self, now: float) -> StreamState:
        """Returns the stream as a heartbeat shows it."""
        figures = self.statistics(now)
        return StreamState(
            figures.connections, figures.status, figures.parts, figures.skipped, figures.bytes
        )

    def snapshot(self) -> Snapshot:
        """Returns who watches."""
        watchers = tuple(self._watcher(each) for each in self.clients.values())
        return Snapshot(self.name, len(self.clients), watchers)

    def window(self) -> int | None:
        """Returns how many targeted parts may be under way to a client."""
        return self.limits.window if self.limits.overload is Overload.QUEUE else None

    def _watcher(self, client: Viewer) -> Watcher:
        return Watcher(
            client.id, client.query, self.limits.overload, self.window(), client.delivered
        )

    def _fps(self, now: float) -> float:
        if not self._samples:
            return 0.0
        since, frames = self._samples[0]
        return (self._frames - frames) / (now - since) if now > since else 0.0
