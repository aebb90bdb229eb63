"""Takes frames in behind a relay and counts them: `python -m bench.sink <address>`.

Prints `ready`; answers `mark` on standard input with `received <frames>`.
"""

import signal
import sys
import threading

import zmq

from bench.publish import MAX_LIFE_S


class Sink:
    """A subscriber to all frames, on a thread of its own."""

    def __init__(self, address: str) -> None:
        self.received = 0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.subscribe(b"all/")
        self._socket.connect(address)
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            self._socket.recv_multipart(copy=False)
            self.received += 1


def main() -> None:
    signal.alarm(MAX_LIFE_S)
    sink = Sink(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "mark":
            print(f"received {sink.received}", flush=True)


if __name__ == "__main__":
    main()
