"""The figures of all workers of one service: each worker can speak for the others.

Every worker answers with its own figures on a socket in a folder that all of them share;
whoever is asked over HTTP asks the others first and adds up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from protocol import Overload, Status
from streamer.fanout.stream import StreamStatistics
from streamer.metrics import NodeStatistics, Usage

# A worker that does not answer in this time is left out of the sum, seconds.
ANSWER_S: Final = 1.0
# How bad a status is: the worst of all workers is the stream's.
_SEVERITY: Final = (Status.GREY, Status.BLUE, Status.YELLOW, Status.RED)

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
        self._own = own
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to answer the other workers."""
        self._server = await asyncio.start_unix_server(self._answer, self._path)

    async def stop(self) -> None:
        """Stops answering."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def statistics(self) -> NodeStatistics:
        """Returns the figures of all workers, added up."""
        paths = [each for each in self._folder.glob("*.sock") if each != self._path]
        answers = await asyncio.gather(*(_ask(each) for each in paths))
        return added_up([self._own(), *(each for each in answers if each is not None)])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(json.dumps(asdict(self._own())).encode())
        await writer.drain()
        writer.close()


async def _ask(path: Path) -> NodeStatistics | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            answer = await reader.read()
            writer.close()
        return _decoded(json.loads(answer))
    except ConnectionRefusedError:
        # What a worker that was killed left behind; a folder of ours, in memory.
        path.unlink(missing_ok=True)  # noqa: ASYNC240
    except (OSError, TimeoutError, ValueError):
        log.warning("a worker does not tell its figures: %s", path.stem)
    return None


def _decoded(body: Mapping[str, Any]) -> NodeStatistics:
    streams = {
        name: StreamStatistics(
            **{**each, "status": Status(each["status"]), "overload": Overload(each["overload"])}
        )
        for name, each in body["streams"].items()
    }
    return NodeStatistics(**{**body, "streams": streams, "usage": Usage(**body["usage"])})


def added_up(nodes: Iterable[NodeStatistics]) -> NodeStatistics:
    """Returns the figures of several workers as those of one service."""
    every = list(nodes)
    names = dict.fromkeys(name for node in every for name in node.streams)
    refused: Counter[str] = Counter()
    for node in every:
        refused.update(node.refused)
    return NodeStatistics(
        node=every[0].node,
        streams={
            name: _one_stream([node.streams[name] for node in every if name in node.streams])
            for name in names
        },
        received=sum(node.received for node in every),
        received_bytes=sum(node.received_bytes for node in every),
        refused=refused,
        undeliverable=sum(node.undeliverable for node in every),
        events=sum(node.events for node in every),
        usage=Usage(
            processes=sum(node.usage.processes for node in every),
            cpu_s=sum(node.usage.cpu_s for node in every),
            resident_bytes=sum(node.usage.resident_bytes for node in every),
            open_files=sum(node.usage.open_files for node in every),
        ),
    )


def _one_stream(parts: list[StreamStatistics]) -> StreamStatistics:
    """Adds up what clients got; of what every worker sees alike, the furthest counts."""
    return StreamStatistics(
        status=max((each.status for each in parts), key=_SEVERITY.index),
        connections=sum(each.connections for each in parts),
        parts=sum(each.parts for each in parts),
        skipped=sum(each.skipped for each in parts),
        bytes=sum(each.bytes for each in parts),
        repeats=sum(each.repeats for each in parts),
        frames=max(each.frames for each in parts),
        fps=max(each.fps for each in parts),
        age=min((each.age for each in parts if each.age is not None), default=None),
        content_type=next((each.content_type for each in parts if each.content_type), None),
        overload=parts[0].overload,
    )
