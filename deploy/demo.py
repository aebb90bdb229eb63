"""Two live streams from nothing: `make demo`.

Starts a streamer and two producers, each a process of its own: a test pattern that all viewers
share, and a short clip that begins anew for each of them. Everything listens on loopback; other
addresses are set as for the streamer itself, as in `PARTCAST_HTTP=127.0.0.1:8090 make demo`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from clip import draw

HERE: Final = Path(__file__).resolve().parent
CLIP_S: Final = 8
# How long it may take until a picture can be watched, seconds; a busy machine needs some.
READY_S: Final = 60.0
# How long one attempt to get a picture may take, seconds: Ctrl-C waits for it.
PICTURE_S: Final = 2.0
# How long a process may take to end, seconds: a streamer promises 5.
END_S: Final = 8.0
POLL_S: Final = 0.2

READY: Final = """
  Two live streams: {http}

  pattern   a test pattern, the same for everybody
  replay    a clip of {seconds} s that begins anew for each viewer

  Publish more to {frames}; press Ctrl-C to end.
"""
# Whatever proxy the environment names is not for an address of this machine.
DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OTHERS: Final = (
    "PARTCAST_HTTP, PARTCAST_BIND_FRAMES and PARTCAST_BIND_EVENTS set other addresses, as in "
    "PARTCAST_HTTP=127.0.0.1:8090 make demo"
)


class DemoError(Exception):
    """What keeps the demo from running; one line."""


class Interrupted(Exception):  # noqa: N818  it is an end, and no error
    """SIGINT or SIGTERM has come."""


@dataclass(frozen=True, slots=True)
class Command:
    """One process of the demo, and the file of what it says, open for who tells the news."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    unread: TextIO

    def lines(self) -> list[str]:
        """Returns what it has said."""
        return self.log.read_text(errors="replace").splitlines() or [""]

    def news(self) -> list[str]:
        """Returns what it has said since it was asked last, besides that it is ready."""
        return [line.rstrip() for line in self.unread if " ready: " not in line]

    def has_ended(self) -> bool:
        """Tells whether it has ended, by itself or because it could not begin."""
        return self.process.poll() is not None

    def end(self) -> None:
        """Ends it in good order, or at once where it does not end."""
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Demo:
    """A streamer and its producers.

    Args:
        stack: ends the processes, the last one first.
        folder: where the clip and the logs are kept.
        shutdown: set by whoever wants the demo to end.

    """

    def __init__(self, stack: ExitStack, folder: Path, shutdown: threading.Event) -> None:
        self._stack = stack
        self._folder = folder
        self._shutdown = shutdown
        self._commands: list[Command] = []

    def run(self) -> None:
        """Runs until `shutdown` is set; raises DemoError for what keeps it from running."""
        addresses = self._start_streamer()
        self._start_producers(addresses)
        # Who is told an address is to see pictures there, and not a page that waits for them.
        for name in ("pattern", "replay"):
            self._wait_for_picture(f"{addresses['http']}/streams/{name}")
        print(READY.format(seconds=CLIP_S, **addresses), flush=True)
        while True:
            self._watch()

    def _start_streamer(self) -> dict[str, str]:
        """Starts the streamer, and returns the addresses that it tells."""
        streamer = self._start("streamer", "streamer", "--config", str(HERE / "streamer.toml"))
        while True:
            for words in map(str.split, streamer.lines()):
                if words[1:2] == ["ready:"]:
                    return dict(zip(words[2::2], words[3::2], strict=True))
            if streamer.has_ended():
                raise DemoError(f"{streamer.lines()[-1]} ({OTHERS})")
            self._pause()

    def _start_producers(self, addresses: dict[str, str]) -> None:
        clip = self._folder / "clip.avi"
        draw(clip, CLIP_S)
        channels = ("--frames", addresses["frames"], "--events", addresses["events"])
        publish = ("producer", "publish", *channels)
        self._start("pattern", *publish, "pattern", "test")
        self._start("replay", *publish, "--per-client", "replay", str(clip))

    def _start(self, name: str, *arguments: str) -> Command:
        """Starts a command of the distribution."""
        log = self._folder / f"{name}.log"
        with log.open("w") as said:
            process = subprocess.Popen(  # noqa: S603  our own commands
                [sys.executable, "-m", *arguments],
                cwd=HERE.parent,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,  # the terminal's Ctrl-C is for the demo, which ends the others
            )
        unread = self._stack.enter_context(log.open(errors="replace"))
        command = Command(name, process, log, unread)
        self._stack.callback(command.end)
        self._commands.append(command)
        return command

    def _wait_for_picture(self, url: str) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                with DIRECT.open(f"{url}/snapshot", timeout=PICTURE_S):
                    return
            except OSError:  # a refusal, a time-out or a lost connection
                self._watch()
        raise DemoError(f"no picture at {url} within {READY_S:g} s")

    def _watch(self) -> None:
        """Pauses, and tells what was said; raises DemoError where a process has ended."""
        self._pause()
        for command in self._commands:
            ended, said = command.has_ended(), command.news()
            if ended:
                end = f"the {command.name} has ended with {command.process.returncode}"
                raise DemoError(": ".join((end, *said[-1:])))
            for line in said:
                print(f"{command.name}: {line}", file=sys.stderr, flush=True)

    def _pause(self) -> None:
        if self._shutdown.wait(POLL_S):
            raise Interrupted


def main() -> None:
    """Runs the demo; exits 0 after Ctrl-C, 1 with one line where it cannot run."""
    shutdown = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: shutdown.set())
    os.environ.setdefault("PARTCAST_LOG_LEVEL", "warning")
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="partcast-demo-"))
            Demo(stack, Path(folder), shutdown).run()
    except Interrupted:
        print("The demo has ended.")
    except DemoError as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
