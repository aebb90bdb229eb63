"""Producers of numbered frames; as a command, one that can be killed.

`python -m tests.e2e.scale.producing FRAMES EVENTS FIRST` publishes the shared stream `cam3`
from number FIRST on, and shows the clip `clip3` to each of its clients.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from producer import Client, ClientGone, Producer
from tests.e2e.processes import jpeg

FRAMES_PER_S: Final = 10
FRAME_BYTES: Final = 2_000
# A clip is so many parts, and lasts some seconds: what happens meanwhile must not harm it.
CLIP_PARTS: Final = 60
CLIP_PAUSE_S: Final = 0.05


class Camera(threading.Thread):
    """Publishes numbered frames until it is stopped; a context.

    Args:
        publish: sends one frame; takes its body.
        first: number of the first frame.

    """

    def __init__(
        self,
        publish: Callable[[bytes], object],
        *,
        first: int = 0,
        frames_per_s: float = FRAMES_PER_S,
        frame_bytes: int = FRAME_BYTES,
    ) -> None:
        super().__init__(daemon=True)
        self._publish = publish
        self._pause_s = 1 / frames_per_s
        self._bytes = frame_bytes
        self._stopping = threading.Event()
        self._first = first
        self._sent_at: list[float] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def run(self) -> None:
        """Publishes."""
        while not self._stopping.wait(self._pause_s):
            self._sent_at.append(time.monotonic())
            self._publish(jpeg(self.number, self._bytes))

    @property
    def number(self) -> int:
        """The number of the newest frame."""
        return self._first + len(self._sent_at) - 1

    def age_s(self, number: int, seen_at: float) -> float:
        """Returns how old a frame was when it was seen, seconds."""
        return seen_at - self._sent_at[number - self._first]

    def stop(self) -> int:
        """Returns the number of the last frame."""
        self._stopping.set()
        self.join()
        return self.number


class Projector(threading.Thread):
    """Shows a clip of its own to each client of a stream, from the beginning, and then stops."""

    def __init__(self, producer: Producer, stream: str) -> None:
        super().__init__(daemon=True)
        self._producer = producer
        self._stream = stream

    def run(self) -> None:
        """Waits for clients until the producer is closed."""
        for client in self._producer.clients(self._stream):
            threading.Thread(target=self._show, args=(client,), daemon=True).start()

    def _show(self, client: Client) -> None:
        pause = threading.Event()
        try:
            for number in range(CLIP_PARTS):
                client.publish(jpeg(number, FRAME_BYTES))
                pause.wait(CLIP_PAUSE_S)
            client.stop()
        except (ClientGone, TimeoutError):
            return


def main() -> None:
    """Publishes until it is killed."""
    frames, events, first = sys.argv[1:]
    with Producer(frames, events) as producer:
        camera = Camera(lambda body: producer.publish("cam3", body), first=int(first))
        camera.start()
        Projector(producer, "clip3").start()
        sys.stdout.write("producing ready: stream cam3\n")
        sys.stdout.flush()
        camera.join()


if __name__ == "__main__":
    main()
