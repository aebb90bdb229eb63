"""Publishes frames to streamers, and follows who watches.

`Producer` is for programs that are plain loops, `AsyncProducer` for those with an event loop:

    from producer import Producer

    with Producer() as producer:
        while producer.wait_for_clients("cam1"):
            producer.publish("cam1", jpeg())

The events that both tell are here too, to be matched on.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from producer.asynchronous import AsyncProducer
    from producer.blocking import Producer
    from producer.client import AsyncClient, Client
    from producer.departures import ClientGone
    from producer.node_events import Goodbye, Heartbeat
    from protocol import (
        ClosedConnection,
        CloseReason,
        Credit,
        Event,
        NewConnection,
        NoConnection,
        Overload,
    )
else:
    _HOMES = {
        "AsyncClient": "producer.client",
        "AsyncProducer": "producer.asynchronous",
        "Client": "producer.client",
        "ClientGone": "producer.departures",
        "Goodbye": "producer.node_events",
        "Heartbeat": "producer.node_events",
        "Producer": "producer.blocking",
    }

    def __getattr__(name: str) -> object:
        """Imports what is asked for: the command has to take signals before that (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES.get(name, "protocol")), name)
        return value

    def __dir__() -> list[str]:
        return [*globals(), *__all__]


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
