"""PyPI's mjpeg-streamer, its encoder left out: it serves ready frames, by its own clock."""

import asyncio
import socket
import sys
import time

from mjpeg_streamer import MjpegServer, Stream

from bench.peers.intake import Newest, start_intake


class Ready:
    """What its handler wants of an encoded image."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame

    def tobytes(self) -> bytes:
        return self._frame


class ReadyStream(Stream):
    newest = Newest()

    async def get_frame_processed(self) -> Ready:
        while not self.newest.frame:  # noqa: ASYNC110  its clock runs before there is a frame
            await asyncio.sleep(0.01)
        return Ready(self.newest.frame)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    frames_per_s = int(sys.argv[1])
    port = free_port()
    server = MjpegServer("127.0.0.1", port)
    server.add_stream(ReadyStream("s0", fps=frames_per_s))
    address = start_intake(ReadyStream.newest)
    server.start()
    time.sleep(1)  # it starts in a thread and does not say when it is ready
    print(f"ready {port} {address}", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
