"""How a `Producer` and a streamer made of raw sockets come together."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

from producer import Client, Producer
from tests.e2e.processes import eventually

from .fake_streamer import FakeStreamer

T = TypeVar("T")


def join(producer: Producer, streamer: FakeStreamer) -> None:
    """Waits until the producer knows that the streamer takes everything."""
    eventually(lambda: (streamer.look(), producer.wait_for_streamer(0.01))[1], "to be joined")
    eventually(lambda: (streamer.look(), producer.stop_client("aaaa-9"))[1], "to be joined")
    streamer.wait_for(1)
    streamer.messages.clear()


def ends(task: Future[T], streamer: FakeStreamer) -> T:
    """Returns what a thread returns, the streamer being kept moving meanwhile."""
    eventually(lambda: (streamer.look(), task.done())[1], "the thread to end")
    return task.result()


def arrive(streamer: FakeStreamer, producer: Producer, *, window: int | None = None) -> Client:
    """Lets a client come to `clip`."""
    clients = producer.clients("clip")
    streamer.wait_for_question("event/clip/")
    streamer.join("clip", window=window)
    return next(clients)
