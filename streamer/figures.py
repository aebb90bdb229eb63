"""The figures of several workers as those of one service. No I/O."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from protocol import Overload, Refusal, Status
from streamer.fanout.stream import StreamStatistics
from streamer.metrics import NodeStatistics, Usage

# How bad a status is: the worst of all workers is the stream's.
_SEVERITY: Final = (Status.GREY, Status.BLUE, Status.YELLOW, Status.RED)


def decoded(told: bytes) -> NodeStatistics:
    """Returns figures from the JSON that a worker tells; raises ValueError for what is none."""
    body: Mapping[str, Any] = json.loads(told)
    streams = {
        name: StreamStatistics(
            **{**each, "status": Status(each["status"]), "overload": Overload(each["overload"])}
        )
        for name, each in body["streams"].items()
    }
    return NodeStatistics(**{**body, "streams": streams, "usage": Usage(**body["usage"])})


def of_ended(told: NodeStatistics) -> NodeStatistics:
    """Returns what of a worker's last figures counts on when it has ended: its totals."""
    streams = {
        name: replace(each, status=Status.GREY, connections=0, fps=0.0, age=None, content_type=None)
        for name, each in told.streams.items()
    }
    usage = Usage(processes=0, cpu_s=told.usage.cpu_s, resident_bytes=0, open_files=0)
    return replace(told, streams=streams, max_clients=0, usage=usage)


def refusals_alone(refused: Mapping[Refusal, int]) -> NodeStatistics:
    """Returns the figures of one that serves no client and has only refused messages."""
    return NodeStatistics(
        node="",
        streams={},
        max_clients=0,
        refused_clients=0,
        received=0,
        received_bytes=0,
        refused={reason.value: messages for reason, messages in refused.items()},
        undeliverable=0,
        events=0,
        usage=Usage(processes=0, cpu_s=0.0, resident_bytes=0, open_files=0),
    )


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
        max_clients=sum(node.max_clients for node in every),
        refused_clients=sum(node.refused_clients for node in every),
        received=sum(node.received for node in every),
        received_bytes=sum(node.received_bytes for node in every),
        refused=dict(refused),  # a Counter is no mapping to `asdict`
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
