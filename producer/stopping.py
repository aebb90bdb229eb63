"""Stops, and that those whom they mean are ended.

A stop for all shares a relay's pipe with the frames for all, and a flood of these may drop it.
Who watches is known: a client that a stop has not ended in time gets one of its own, which
travels with the targeted frames, and is dropped by no flood.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from producer.audience import Audience
from producer.channels import Channels
from producer.interest import Interest
from protocol import Address, AllClients, ClosedConnection, Event, OneClient, Stop, encode

# How long a stop waits for the nodes to have said who watches, seconds: they answer at once.
ANSWERED_WITHIN_S: Final = 0.5
# Whom a stop has not ended after this time gets one of its own, seconds: a node waits up to 1 s
# for the frame that a stop names.
ENDED_WITHIN_S: Final = 1.5
# How long the end of a producer may wait for whom it has stopped, seconds.
STOPPED_WITHIN_S: Final = ENDED_WITHIN_S + 0.5


class Stopping:
    """Sends stops, and sends them again to those who have not heard.

    Args:
        channels: what they are sent on.
        audience: who watches.
        interest: of which streams that is heard.

    """

    def __init__(self, channels: Channels, audience: Audience, interest: Interest) -> None:
        self._channels = channels
        self._audience = audience
        self._interest = interest
        self._meant: OrderedDict[str, tuple[float, Stop]] = OrderedDict()

    @property
    def is_over(self) -> bool:
        """Whether everybody was ended, or has a stop of its own."""
        return not self._meant

    def prepare(self, address: Address, now: float) -> None:
        """Asks who watches a stream, so that it is known when it is stopped."""
        if isinstance(address, AllClients):
            self._interest.publish(address.stream, now)

    def send(self, stop: Stop, now: float) -> bool | None:
        """Sends a stop; None while the nodes have yet to say whom it means.

        Args:
            stop: what to send; somebody has subscribed to its topic.
            now: seconds of a monotonic clock.

        """
        address = stop.address
        if isinstance(address, AllClients):
            self.prepare(address, now)
            if not self._is_known(address.stream, now):
                return None
            for watcher in self._audience.clients(address.stream):
                self._meant[watcher.client] = (now + ENDED_WITHIN_S, stop)
                self._meant.move_to_end(watcher.client)
        return self._channels.control.send(encode(stop))

    def note(self, event: Event) -> None:
        """Takes in what has happened: who was closed has been ended."""
        if isinstance(event, ClosedConnection):
            self._meant.pop(event.client, None)

    def pass_time(self, now: float) -> None:
        """Sends a stop of its own to each client that should have been ended by now."""
        while self._meant:
            client, (due_at, stop) = next(iter(self._meant.items()))
            if now < due_at:
                return
            del self._meant[client]
            # It names the frame that the first one named: a node that has heard that, and
            # delivers what it still lets a client have, drops nothing more.
            own = Stop(OneClient(client), stop.seq, stop.producer)
            self._channels.control.send(encode(own))

    def _is_known(self, stream: str, now: float) -> bool:
        if now - self._interest.since(stream) >= ANSWERED_WITHIN_S:
            return True
        nodes = self._channels.nodes
        return bool(nodes) and all(self._audience.knows(stream, each) for each in nodes)
