"""Frames and stops for one client alone, between each other. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping

from protocol import CloseReason, Frame, Overload, Stop
from streamer.fanout.part import Part
from streamer.fanout.stops import Stops
from streamer.fanout.viewer import Viewer


class Targets:
    """The clients that had messages of their own.

    Args:
        clients: all clients of the node, by client id.

    """

    def __init__(self, clients: Mapping[str, Viewer]) -> None:
        self._clients = clients
        self._stops: dict[str, Stops] = {}
        self._waiting: set[str] = set()  # clients for whom a stop may wait for its frame

    def refuse(self, client: Viewer) -> None:
        """Counts a frame for a client that was refused, or its producer would wait for ever."""
        client.refuse()
        self._of(client).refuse()

    def offer(self, client: Viewer, frame: Frame, part: Part) -> None:
        """Hands a frame to its client, and counts those before it that were lost on the way."""
        stops = self._of(client)
        if client.limits.overload is Overload.QUEUE:
            # A window, and the parts that were sent beyond it to find out about that.
            for _ in range(stops.missing(frame, 2 * client.limits.window)):
                client.refuse()  # no producer is to wait for these either
        for ended in stops.before(frame):
            client.finish(CloseReason.STOP, ended.cuts)
        client.offer(part)
        for ended in stops.behind():
            client.finish(CloseReason.STOP, ended.cuts)

    def stop(self, client: Viewer, stop: Stop, now: float) -> None:
        """Ends a client, at once or behind the frame that the stop names."""
        stops = self._of(client)
        due = stops.stop(stop, now)
        if stops.waiting:
            self._waiting.add(client.id)
        for ended in due:
            client.finish(CloseReason.STOP, ended.cuts)

    def end_overdue(self, now: float) -> None:
        """Ends the clients whose stops have waited long enough."""
        for client_id in list(self._waiting):
            client, stops = self._clients[client_id], self._stops[client_id]
            for ended in stops.overdue(now):
                client.finish(CloseReason.STOP, ended.cuts)  # the first may see it leave
            if not stops.waiting:
                self._waiting.discard(client_id)

    def forget(self, client_id: str) -> None:
        """Forgets a client that has left."""
        self._stops.pop(client_id, None)
        self._waiting.discard(client_id)

    def _of(self, client: Viewer) -> Stops:
        return self._stops.setdefault(client.id, Stops())
