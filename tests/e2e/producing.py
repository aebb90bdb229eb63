"""The producer's command as a process, and what it is given to show."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import PATIENCE_S, Command, Part, Starter

# A signal ends the command within a second or two; a busy machine may take a little longer.
END_S = 5.0


def picture(number: int, size: int = 0) -> bytes:
    """Bytes with the segments of a JPEG image (ITU T.81), that carry a number as a comment."""
    comment = b"\xff\xfe\x00\x0a" + f"{number:08d}".encode()
    frame = bytes.fromhex("ffc0 000b 08 0008 0008 01 011100")
    scan = bytes.fromhex("ffda 0008 01 0100 003f00") + b"." * size
    return b"\xff\xd8" + comment + frame + scan + b"\xff\xd9"


def numbers(parts: list[Part]) -> list[int]:
    return [int(part.body[6:14]) for part in parts]


def clip(folder: Path, count: int, size: int = 0) -> str:
    """A folder of so many images."""
    path = folder / f"clip-{count}"
    path.mkdir(exist_ok=True)
    for number in range(count):
        (path / f"{number}.jpg").write_bytes(picture(number, size))
    return str(path)


def streamer_of(start: Starter, *arguments: str, **settings: str | int) -> Command:
    """A streamer that repeats no picture: what a viewer sees is what was published."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    config = "\n".join(['[streams."*"]', "repeat_after_s = 0", *lines, ""])
    return start.streamer(*arguments, config=config)


def ends_of(streamer: Command) -> list[str]:
    addresses = streamer.addresses
    return ["--frames", addresses["frames"], "--events", addresses["events"]]


def frames_of(streamer: Command, stream: str = "cam1") -> int:
    """How many frames of a stream have come to a streamer."""
    return int(streamer.streams().get(stream, {"frames": 0})["frames"])


def publish(start: Starter, streamer: Command, *arguments: str) -> Command:
    return start.run("producer", "publish", *arguments, *ends_of(streamer))


def finish(command: Command, patience_s: float = PATIENCE_S) -> int:
    return command.process.wait(patience_s)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "producer", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def publishing_input(
    streamer: Command, *arguments: str, stdin: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    """`publish cam1 -`, with a pipe to write to unless it is given another."""
    words = [sys.executable, "-m", "producer", "publish", "cam1", "-", *arguments]
    process = subprocess.Popen(
        [*words, *ends_of(streamer)], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()
