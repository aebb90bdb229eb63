"""What the tests of the producer library have in common: viewers, clips, followers."""

from __future__ import annotations

import socket
import threading

from producer import Client, ClosedConnection, CloseReason, Event, Heartbeat, Producer

from .processes import PATIENCE_S, Command, Starter, Viewer, eventually, jpeg, number_of

CLIP = '[streams."clip*"]\noverload = "queue"\nwindow = 4\n'
# More than the system's own buffers hold, so that a viewer who does not read is felt.
PARTS, PART_BYTES = 200, 40_000
PRODUCER_SIDE = ("producer-frames", "producer-events")


def made(command: Command) -> Producer:
    """Returns a producer for a streamer or relay."""
    names = ("frames", "events") if "frames" in command.addresses else PRODUCER_SIDE
    return Producer(*(command.addresses[name] for name in names))


def watch(streamer: Command, stream: str, number: int = 1, **options: int) -> list[Viewer]:
    return [
        Viewer(streamer.port, f"/streams/{stream}?n={n}", receive_buffer=options.get("buffer"))
        for n in range(number)
    ]


def numbers(viewer: Viewer) -> list[int]:
    """Returns the numbers of all parts up to the clean end."""
    return [number_of(part.body) for part in viewer.rest()]


def play(client: Client, size: int = PART_BYTES) -> None:
    for number in range(PARTS):
        client.publish(jpeg(number, size), timeout_s=PATIENCE_S)
    client.stop()


def reasons(events: list[Event]) -> dict[str, CloseReason]:
    return {each.client: each.reason for each in events if isinstance(each, ClosedConnection)}


class Following(threading.Thread):
    """Takes the events of a stream as they come."""

    def __init__(self, producer: Producer, stream: str | None) -> None:
        super().__init__(daemon=True)
        self._events = producer.events(stream)
        self.heard: list[Event] = []
        self.start()

    def run(self) -> None:
        self.heard.extend(self._events)


ALL_SIDES = (*PRODUCER_SIDE, "streamer-frames", "streamer-events")


def hear_a_heartbeat(producer: Producer) -> None:
    events = producer.events()
    eventually(lambda: isinstance(next(events), Heartbeat), "a heartbeat")


def several(producer: Producer, stream: str, number: int) -> bool:
    return eventually(
        lambda: producer.connections(stream) == number, f"{number} clients of {stream}"
    )


def behind_a_relay(start: Starter, number: int) -> tuple[Command, list[Command]]:
    relay = start.relay()
    frames, events = (relay.addresses[name] for name in ALL_SIDES[2:])
    nodes = [
        start.streamer("--connect-frames", frames, "--connect-events", events, config=CLIP)
        for _ in range(number)
    ]
    with made(relay) as producer:
        heard: set[str] = set()

        def all_there() -> bool:
            heard.update(producer._core.audience.nodes)
            return len(heard) == number and producer.wait_for_streamer(0)

        eventually(all_there, f"{number} nodes behind the relay")
    return relay, nodes


def free_endpoint() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"
