"""The load client against a server that says exactly what a test wants."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.build import compiled
from bench.cores import usable_cores
from bench.process import Child

PATIENCE_S = 20.0
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=token\r\n%b\r\n--token"
)


def part(payload: bytes) -> bytes:
    """Returns a part as the streamer writes it: after a delimiter, up to the next."""
    head = f"\r\nContent-Type: image/jpeg\r\nContent-Length: {len(payload)}\r\n\r\n"
    return b"".join((head.encode(), payload, b"\r\n--token"))


@contextmanager
def serving(pieces: Sequence[bytes]) -> Iterator[int]:
    """Serves one client these bytes, each in a segment of its own, and closes; yields the port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def watch(folder: Path, pieces: Sequence[bytes], **keys: object) -> dict[str, Any]:
    """Returns what the load client says of one viewer who was served these bytes."""
    group = ",".join(f"{key}={value}" for key, value in {"name": "g", "count": 1, **keys}.items())
    with serving(pieces) as port:
        command = [str(compiled("load")), str(port), "60", f"{group},path=/streams/s"]
        with Child(command, cores=usable_cores(), log=folder / "load.log") as load:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                found: dict[str, Any] = json.loads(load.ask("end"))["groups"]["g"]
                if found["closed"] + found["failed"]:
                    return found
                assert time.monotonic() < deadline, f"the stream has not ended: {found}"
                time.sleep(0.01)
