"""The figures of all workers of one service: each worker can speak for the others.

Every worker answers with its own figures on a socket in a folder that all of them share;
whoever is asked over HTTP asks the others first and adds up. What a worker tells it writes down
first: its totals count on when it has died, since Prometheus takes a sum that falls for a restart.
The supervisor answers as well: its relay refuses messages that no worker ever sees.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from streamer.errors import StartError
from streamer.figures import added_up, decoded, of_ended
from streamer.metrics import NodeStatistics

# A worker that does not answer in this time counts with what it told last, seconds.
ANSWER_S: Final = 1.0
# So often all are asked again where one has ended meanwhile; they are started once a second.
TRIES: Final = 3

log = logging.getLogger(__name__)


class Siblings:
    """One worker's end of the shared folder.

    Args:
        folder: the folder that all workers of the service share.
        own: returns this worker's figures of now.
        name: name of this worker's socket, its node id.

    """

    def __init__(self, folder: Path, name: str, own: Callable[[], NodeStatistics]) -> None:
        self._folder = folder
        self._path = folder / f"{name}.sock"
        self._draft = folder / f"{name}.draft"
        self._own = own
        self._server: asyncio.Server | None = None
        self._ended = _Ended(folder)
        self._latest: NodeStatistics | None = None
        self._noted: set[int | None] = set()
        self._answering: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def start(self) -> None:
        """Begins to answer the other workers; raises StartError."""
        self._latest = self._own()
        try:
            self._server = await asyncio.start_unix_server(self._answer, self._draft)
            # Named only now that it answers: who refuses under this name is dead.
            self._draft.rename(self._path)
        except OSError as error:
            raise StartError(f"{self._draft}: {error.strerror or error}") from error

    async def stop(self) -> None:
        """Stops answering; what was told last goes on to count."""
        if self._server is not None:
            self._tell()
            self._server.close()
            # One that asked and reads nothing must not hold up the end.
            for each in self._answering:
                each.transport.abort()
            # Before Python 3.12 `wait_closed` waits for none of them.
            await asyncio.gather(*filter(None, self._answering.values()))
            await self._server.wait_closed()

    async def statistics(self) -> NodeStatistics:
        """Returns the figures of all workers, added up."""
        for _ in range(TRIES):
            ended = self._ended.read()
            answers = await asyncio.gather(*(_ask(each) for each in self._others()))
            # Another worker may have added one there before it was asked: then it is missing here.
            if self._ended.read() == ended:
                break
        try:
            self._ended.take([each.path for each in answers if each.has_ended])
        except OSError as error:
            self._note(error)
        totals = [decoded(ended)] if ended else []
        taken = _taken(totals)
        left = [each.figures for each in answers if each.path.stem not in taken]
        return added_up([decoded(self._tell()), *totals, *(each for each in left if each)])

    def _others(self) -> list[Path]:
        try:
            return [each for each in self._folder.glob("*.sock") if each != self._path]
        except OSError as error:
            self._note(error)
            return []

    def _tell(self) -> bytes:
        """Returns this worker's figures, written down before anybody hears them."""
        told = json.dumps(asdict(self._figures())).encode()
        try:
            self._draft.write_bytes(told)
            self._draft.replace(_written(self._path))
        except OSError as error:
            self._note(error)
        return told

    def _figures(self) -> NodeStatistics:
        """Returns the figures of now, or those told last where no file can be opened for them."""
        try:
            self._latest = self._own()
        except OSError as error:
            if self._latest is None:
                raise
            self._note(error)
        return self._latest

    def _note(self, error: OSError) -> None:
        """Logs what keeps the workers from hearing of each other; once, since each request asks."""
        if error.errno not in self._noted:
            log.error("the figures of the workers are not complete: %s", error)
        self._noted.add(error.errno)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        self._answering[writer] = asyncio.current_task()
        try:
            # Who asks waits no longer.
            async with asyncio.timeout(ANSWER_S):
                writer.write(self._tell())
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            del self._answering[writer]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known of a worker that was asked.

    Attributes:
        path: its socket.
        figures: what it answers, or else what it told last; None where it told nothing.
        has_ended: whether it will never answer again.

    """

    path: Path
    figures: NodeStatistics | None = None
    has_ended: bool = False


async def _ask(path: Path) -> _Answer:
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                answer = await reader.read()
            finally:
                writer.close()
        return _Answer(path, decoded(answer))
    except ConnectionRefusedError:
        return _Answer(path, _left_by(path), has_ended=True)
    except FileNotFoundError:  # another worker has just taken it among those that have ended
        return _Answer(path)
    except (OSError, TimeoutError, ValueError):
        log.warning("a worker does not tell its figures: %s", path.stem)
        return _Answer(path, _left_by(path))


class _Ended:
    """One file for all workers that have ended, or each would cost every request a look for good.

    It names as its node those that were added last: what they left may still be there, since
    who adds them can be killed on its way.

    Args:
        folder: the folder that all workers of the service share.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "all.ended"
        self._draft = folder / "all.ended-draft"
        self._lock = folder / "all.lock"

    def read(self) -> bytes:
        """Returns the file; nothing where there is none."""
        try:
            return self._file.read_bytes()
        except OSError:
            return b""

    def take(self, paths: list[Path]) -> None:
        """Adds what workers left; leaves that to another who is at it. Raises OSError."""
        if not paths:
            return
        with self._lock.open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._add(paths)

    def _add(self, paths: list[Path]) -> None:
        before = [decoded(self._file.read_bytes())] if self._file.exists() else []
        self._remove(_taken(before))
        names = [each.stem for each in paths if each.exists()]
        left = [each for each in map(_totals_of, paths) if each is not None]
        if left:
            after = replace(added_up([*before, *left]), node=" ".join(names))
            self._draft.write_text(json.dumps(asdict(after)))
            self._draft.replace(self._file)
        self._remove(names)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            for suffix in (".json", ".draft", ".sock"):
                (self._folder / f"{name}{suffix}").unlink(missing_ok=True)


def _taken(ended: list[NodeStatistics]) -> list[str]:
    return [name for each in ended for name in each.node.split()]


def _written(path: Path) -> Path:
    """Returns where the worker with a socket writes down what it tells."""
    return path.with_suffix(".json")


def _left_by(path: Path) -> NodeStatistics | None:
    """Returns the totals that a worker told last; None where none can be read."""
    try:
        return _totals_of(path)
    except OSError:
        return None


def _totals_of(path: Path) -> NodeStatistics | None:
    """Returns the totals that a worker told last, None where it told none; raises OSError."""
    try:
        return of_ended(decoded(_written(path).read_bytes()))
    except FileNotFoundError:
        return None
