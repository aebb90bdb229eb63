"""Publishes frames to streamers, and follows who watches.

`Producer` is for programs that are plain loops, `AsyncProducer` for those with an event loop:

    from producer import Producer

    with Producer() as producer:
        while producer.wait_for_clients("cam1"):
            producer.publish("cam1", jpeg())

The events that both tell are here too, to be matched on.
"""

from producer.asynchronous import AsyncProducer
from producer.blocking import Producer
from producer.client import AsyncClient, Client
from producer.departures import ClientGone
from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Overload,
)

__all__ = [
    "AsyncClient",
    "AsyncProducer",
    "Client",
    "ClientGone",
    "CloseReason",
    "ClosedConnection",
    "Credit",
    "Event",
    "Goodbye",
    "Heartbeat",
    "NewConnection",
    "NoConnection",
    "Overload",
    "Producer",
]
