"""Looks after the worker processes of a service."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final

from streamer import service
from streamer.command import CANNOT_START, prepare_process
from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.fanout.part import new_token
from streamer.service import Place
from streamer.signals import SIGNALS

# A worker that died is started again after this time, seconds: one that dies at once must
# not keep a core busy. It doubles each time that a worker cannot even start, up to the most.
RESTART_S: Final = 1.0
MOST_RESTART_S: Final = 30.0
# How long workers may take to end beyond `drain_s` and `spread_s`, seconds; then they are killed.
END_S: Final = 4.5
# How often the supervisor looks at its workers, seconds.
LOOK_S: Final = 0.1

log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


@dataclass
class Worker:
    """A worker process and the pipe on which it says that it is ready, or why it is not.

    Attributes:
        process: the process.
        says: the pipe.
        ready: whether it has said that it is ready.
        failures: how many before it, one after the other, could not start.
        again_at: when another is started in its place, by the event loop's clock; None while
            it lives.

    """

    process: SpawnProcess
    says: Connection
    ready: bool = False
    failures: int = 0
    again_at: float | None = None


def pause_s(failures: int) -> float:
    """Returns how long to wait before another start, after so many that failed, seconds."""
    return min(RESTART_S * 2.0 ** min(failures, 16), MOST_RESTART_S)


class Supervisor:
    """Starts workers, starts those again that die, and ends all.

    Args:
        settings: what each worker is told.
        folder: where the workers meet.

    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._token = new_token()
        self._workers: list[Worker] = []

    async def start(self, number: int, shutdown: asyncio.Event) -> bool:
        """Starts the workers; returns whether all got ready before `shutdown` was set.

        Raises:
            StartError: where one cannot start.

        """
        for _ in range(number):
            try:
                self._workers.append(self._new())
            except OSError as error:
                raise StartError(f"a worker: {error.strerror or error}") from error
        for worker in self._workers:
            # A pipe is no awaitable; it is looked at.
            while not worker.says.poll():
                if shutdown.is_set():
                    return False
                await asyncio.sleep(LOOK_S / 10)
            problem = await asyncio.to_thread(_first_word, worker)
            if problem:
                raise StartError(problem)
            worker.ready = True
        return True

    async def watch(self, shutdown: asyncio.Event, relayed: Callable[[], bool]) -> None:
        """Keeps the workers alive until `shutdown` is set.

        Args:
            shutdown: set by whoever wants the service to end.
            relayed: returns whether the channels are relayed to the workers.

        Raises:
            StartError: where they are not any more.

        """
        loop = asyncio.get_running_loop()
        while not shutdown.is_set():
            if not relayed():
                raise StartError("a proxy has ended by itself")
            self._workers = [self._looked_after(each, loop.time()) for each in self._workers]
            try:
                async with asyncio.timeout(LOOK_S):
                    await shutdown.wait()
            except TimeoutError:
                continue

    def _looked_after(self, worker: Worker, now: float) -> Worker:
        """Returns the worker, or the one that is started in its place."""
        if worker.process.is_alive():
            return worker
        if worker.again_at is None:
            worker.again_at = now + _note_death(worker)
        elif now >= worker.again_at:
            try:
                return self._new(worker.failures)
            except OSError as error:  # no process or no file is left; that may pass
                worker.again_at = now + _note_failure(worker, error)
        return worker

    async def stop(self) -> None:
        """Ends all workers in good order; kills those that take too long."""
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_s + self._settings.spread_s + END_S
        # A process is no awaitable; it is looked at.
        while self._alive() and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S / 10)
        for process in self._alive():
            log.error("worker does not end pid=%s: killed", process.pid)
            process.kill()
            process.join()

    def _alive(self) -> list[SpawnProcess]:
        return [each.process for each in self._workers if each.process.is_alive()]

    def _new(self, failures: int = 0) -> Worker:
        ours, theirs = _spawn.Pipe(duplex=False)
        process = _spawn.Process(
            target=_work,
            args=(
                self._settings,
                Place(reuse_port=True, folder=self._folder, token=self._token),
                theirs,
            ),
            name="partcast-worker",
        )
        # Starting its first process, multiprocessing lets signals through once more.
        resource_tracker.ensure_running()
        # A worker inherits that they are held back, until it can take them (sigprocmask(2)).
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        return Worker(process, ours, failures=failures)


def _note_death(worker: Worker) -> float:
    """Logs what a worker died of; returns how long to wait before another start, seconds."""
    problem = "" if worker.ready else _first_word(worker)
    worker.says.close()
    worker.failures = worker.failures + 1 if problem else 0
    pause = pause_s(worker.failures)
    what = f"cannot start, {problem!r}" if problem else "died"
    pid, code = worker.process.pid, worker.process.exitcode
    log.error("worker %s pid=%s code=%s: starting again in %g s", what, pid, code, pause)
    return pause


def _note_failure(worker: Worker, error: OSError) -> float:
    """Logs why none could be started; returns how long to wait before another try, seconds."""
    worker.failures += 1
    pause = pause_s(worker.failures)
    problem = error.strerror or str(error)
    log.error("no worker can be started, %r: trying again in %g s", problem, pause)
    return pause


def _first_word(worker: Worker) -> str:
    """Returns what keeps a worker from starting; nothing where it is ready."""
    try:
        return str(worker.says.recv())
    except EOFError:  # it has ended without a word
        worker.process.join()
        return f"a worker ended with code {worker.process.exitcode}"


def _work(settings: Settings, place: Place, says: Connection) -> None:
    """Is a worker process."""
    # Ctrl-C reaches the whole process group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_process(settings.log_level)
    problem = None
    try:
        asyncio.run(_serve(settings, place, says))
    except* StartError as group:
        problem = str(group.exceptions[0])
    if problem is not None:
        says.send(problem)
        sys.exit(CANNOT_START)


async def _serve(settings: Settings, place: Place, says: Connection) -> None:
    shutdown = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, shutdown.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A supervisor that was killed leaves no orphans behind.
        loop.add_reader(parent.sentinel, shutdown.set)
    await service.run(settings, shutdown, lambda _: says.send(""), place)
