"""How the one-process peers get their frames: a thread on a ZeroMQ SUB socket.

Their own sources are cameras and files; this stands in for the camera.
"""

import threading

import zmq


class Newest:
    """The newest frame's bytes; any number of threads may wait for the next one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.frame = b""
        self.number = 0

    def put(self, frame: bytes) -> None:
        with self._changed:
            self.frame = frame
            self.number += 1
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes]:
        """Waits for a frame newer than that number."""
        with self._changed:
            self._changed.wait_for(lambda: self.number > number)
            return self.number, self.frame


def start_intake(newest: Newest) -> str:
    """Receives in the background; gives the address to publish to."""
    frames: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    frames.subscribe(b"all/")
    frames.bind("tcp://127.0.0.1:*")

    def receive() -> None:
        while True:
            newest.put(frames.recv_multipart()[2])

    threading.Thread(target=receive, daemon=True).start()
    return str(frames.getsockopt_string(zmq.LAST_ENDPOINT))
