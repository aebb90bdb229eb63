"""Publishes frames to streamers, and follows who watches.

`Producer` is for programs that are plain loops, `AsyncProducer` for those with an event loop:

    from producer import Producer

    with Producer() as producer:
        while producer.wait_for_clients("cam1"):
            producer.publish("cam1", jpeg())
"""

from producer.asynchronous import AsyncClient, AsyncProducer
from producer.blocking import Client, Producer
from producer.core import ClientGone

__all__ = ["AsyncClient", "AsyncProducer", "Client", "ClientGone", "Producer"]
