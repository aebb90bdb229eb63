"""Several streamer processes behind one HTTP port.

Each worker is a node of its own on the events channel. They share the port by SO_REUSEPORT,
so that the system spreads new clients over them. Only one process can bind the channels'
endpoints: for those that are to be bound the supervisor runs a relay, and the workers connect
to it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import zmq
from tornado.netutil import bind_sockets

from streamer.configuration.checks import SettingsError, split_host_port
from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.figures import refusals_alone
from streamer.http.port import url_of
from streamer.relay.service import Relay
from streamer.relay.settings import RelaySettings
from streamer.service import Addresses
from streamer.siblings import Siblings
from streamer.supervisor import Supervisor


def number_of_workers(settings: Settings) -> int:
    """Returns how many processes are asked for; "auto" is one for each usable core."""
    if isinstance(settings.workers, int):
        return settings.workers
    return len(os.sched_getaffinity(0))


async def run(
    settings: Settings, shutdown: asyncio.Event, announce: Callable[[Addresses], None]
) -> None:
    """Serves with several workers until `shutdown` is set.

    Raises:
        StartError: where an address or a folder cannot be had, or a worker cannot start.

    """
    with ExitStack() as held:
        folder = _folder(held)
        port = held.enter_context(_reserve(settings))
        relay = _relay(settings, folder, held)
        refused = Siblings(folder, "supervisor", lambda: refusals_alone(relay.refused))
        supervisor = Supervisor(_worker_settings(settings, port, relay), folder)
        try:
            await refused.start()
            if await supervisor.start(number_of_workers(settings), shutdown):
                announce(_addresses(settings, port, relay))
                await supervisor.watch(shutdown, lambda: relay.alive)
        finally:
            await supervisor.stop()
            await refused.stop()
            await relay.stop()


def _folder(held: ExitStack) -> Path:
    """Returns a folder that the workers share until `held` is closed."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="partcast-")
    except OSError as error:
        reason = error.strerror or error
        raise StartError(f"no folder for the workers to meet in (TMPDIR): {reason}") from error
    return Path(held.enter_context(folder))


def _reserve(settings: Settings) -> socket.socket:
    """Returns a socket that holds the port without listening, so that workers can share it."""
    host, port = split_host_port("http", settings.http)
    try:
        # Another service that shares its port among workers of its own would let us in.
        for each in bind_sockets(port, host, backlog=1):
            each.close()
        listening = bind_sockets(port, host, backlog=1, reuse_port=True)
    except OSError as error:
        raise StartError(f"http {settings.http}: {error.strerror or error}") from error
    held = socket.socket(listening[0].family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(listening[0].getsockname())
    for each in listening:
        each.close()
    return held


def _relay(settings: Settings, folder: Path, held: ExitStack) -> Relay:
    """Starts a relay of the channels that are to be bound; of none where all have one elsewhere."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    held.callback(context.term)
    bound = {"frames": settings.bind_frames, "events": settings.bind_events}
    try:
        relay = Relay(
            context,
            RelaySettings(
                producer_frames=settings.bind_frames,
                producer_events=settings.bind_events,
                streamer_frames=f"ipc://{folder}/frames",
                streamer_events=f"ipc://{folder}/events",
                frames_hwm=settings.frames_hwm,
                max_frame_bytes=settings.max_frame_bytes,
            ),
            asyncio.get_running_loop(),
            [channel for channel, url in bound.items() if url],
        )
    except zmq.ZMQError as error:
        raise StartError(str(error)) from error
    except SettingsError as error:
        raise StartError(f"the workers cannot meet in {folder} (TMPDIR): {error}") from error
    relay.start()
    return relay


def _worker_settings(settings: Settings, port: socket.socket, relay: Relay) -> Settings:
    host, _ = split_host_port("http", settings.http)
    shown = f"[{host}]" if ":" in host else host
    return replace(
        settings,
        workers=1,
        http=f"{shown}:{port.getsockname()[1]}",
        bind_frames="",
        bind_events="",
        connect_frames=(*settings.connect_frames, *relay.subscribers("frames")),
        connect_events=(*settings.connect_events, *relay.publishers("events")),
    )


def _addresses(settings: Settings, port: socket.socket, relay: Relay) -> Addresses:
    # What is bound first, as a streamer of one process says it.
    frames = [*relay.publishers("frames"), *settings.connect_frames]
    events = [*relay.subscribers("events"), *settings.connect_events]
    return Addresses(url_of(port, tls=bool(settings.tls_cert)), frames, events)
