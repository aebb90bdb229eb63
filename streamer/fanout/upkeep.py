"""What only time brings: pictures that are repeated, stops that are overdue, clients that stall.

No I/O, no clock: the shell passes the time in (`now`, seconds of a monotonic clock).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol import CloseReason
from streamer.fanout.slices import FanOut, in_slices
from streamer.fanout.stops import Ended
from streamer.fanout.stream import Stream
from streamer.fanout.streams import Streams
from streamer.fanout.targets import Targets


class Upkeep:
    """Looks after streams and their clients from time to time.

    Args:
        streams: what is looked after.
        targets: has the stops for single clients.
        fanout: does the work, in slices.
        end: ends a stream.

    """

    def __init__(
        self,
        streams: Streams,
        targets: Targets,
        fanout: FanOut,
        end: Callable[[Stream, Ended], None],
    ) -> None:
        self._streams = streams
        self._targets = targets
        self._fanout = fanout
        self._end = end
        self._sweeping = False

    def tick(self, now: float) -> None:
        """Repeats still pictures and ends what is overdue; called several times a second."""
        for stream in self._streams:
            stream.sample(now)
            for ended in stream.stops.overdue(now):
                self._end(stream, ended)
            if stream.clients and stream.repeats(now):
                self._fanout.add(_repeat(stream, now))
        self._targets.end_overdue(now)

    def sweep(self, now: float) -> None:
        """Ends clients that accept nothing; called about once a second."""
        if not self._sweeping:
            self._sweeping = True
            self._fanout.add(self._sweep(now))

    def _sweep(self, now: float) -> Iterator[None]:
        try:
            for stream in list(self._streams):
                timeout_s = stream.settings.stall_timeout_s
                for some in stream.rows.waiting():
                    for client in some:
                        if client.stalled(now, timeout_s):
                            client.abort(CloseReason.STALLED)
                    yield
        finally:
            self._sweeping = False


def _repeat(stream: Stream, now: float) -> Iterator[None]:
    part = stream.last
    due = [each for each in stream.clients.values() if stream.due_for_repeat(each, now)]
    for rest in in_slices(due, lambda client: client.repeat(part, now) if part else None):
        yield rest
        if stream.last is not part:
            return
