"""The stamped publisher, a process of its own: `python -m bench.publish <way> <address> ...`.

Prints `ready`. Takes on standard input `rate <frames per second over all streams>` (0 pauses,
`inf` goes flat out), `mark` (answers `sent <frames>`) and `quit`.
"""

import argparse
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from bench.stamp import Stamper
from bench.ways import EventsWay, HttpWay, PushpinWay, Way, ZeroMqWay

MAX_LIFE_S = 7200  # nobody has to clean up after a lost harness
CATCH_UP_S = 0.1  # a frame later than this is not sent: an honest rate, no burst
FLAT_OUT_BATCH = 32  # frames between two looks at standard input


class Publisher:
    """Sends frames by the clock, the streams in turn."""

    def __init__(self, way: Way, stamper: Stamper, streams: int) -> None:
        self._way = way
        self._stamper = stamper
        self._streams = streams
        self._frame = 0
        self.sent = 0
        self._interval_s = 0.0
        self._flat_out = False
        self._next_s = 0.0

    def set_rate(self, frames_per_s: float) -> None:
        self._flat_out = frames_per_s == float("inf")
        self._interval_s = 0 if self._flat_out or not frames_per_s else 1 / frames_per_s
        self._next_s = time.monotonic()

    def wait_s(self) -> float | None:
        """Gives how long nothing is to do; None for ever."""
        if self._flat_out:
            return 0
        if not self._interval_s:
            return None
        return max(0.0, self._next_s - time.monotonic())

    def work(self) -> None:
        if self._flat_out:
            for _ in range(FLAT_OUT_BATCH):
                self._send()
        elif self._interval_s and (now := time.monotonic()) >= self._next_s:
            self._send()
            self._next_s = max(self._next_s + self._interval_s, now - CATCH_UP_S)

    def _send(self) -> None:
        seq, stream = divmod(self._frame, self._streams)
        self._frame += 1
        self.sent += self._way.send(stream, seq, self._stamper.payload(seq))


def serve(publisher: Publisher, say: Callable[[str], None]) -> None:
    unread = b""
    while True:
        if select.select([sys.stdin], [], [], publisher.wait_s())[0]:
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                match line.split():
                    case [b"rate", rate]:
                        publisher.set_rate(float(rate))
                        say("ok")
                    case [b"mark"]:
                        say(f"sent {publisher.sent}")
                    case [b"quit"]:
                        return
        publisher.work()


def make_way(options: argparse.Namespace) -> Way:
    match options.way:
        case "zmq":
            return ZeroMqWay(
                options.address,
                options.content_type,
                sure=options.sure,
                payload_bytes=options.payload_bytes,
            )
        case "http":
            return HttpWay(options.address, options.content_type)
        case "events":
            return EventsWay(options.address)
        case _:
            return PushpinWay(options.address, options.content_type)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.publish")
    parser.add_argument("way", choices=["zmq", "http", "pushpin", "events"])
    parser.add_argument("address")
    parser.add_argument("--payload-bytes", type=int, required=True)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--content-type", default="application/octet-stream")
    parser.add_argument("--sure", action="store_true", help="wait for room instead of dropping")
    options = parser.parse_args()
    signal.alarm(MAX_LIFE_S)
    publisher = Publisher(make_way(options), Stamper(options.payload_bytes), options.streams)
    print("ready", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        serve(publisher, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
