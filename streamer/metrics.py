"""The node's figures in the text format of Prometheus."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from protocol import Status
from streamer.fanout.stream import StreamStatistics

# Every scraper knows this version; our names need nothing of the newer one.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FILES: Final = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the processes of a service have taken of the system.

    Attributes:
        processes: how many they are.
        cpu_s: user and system time so far, seconds.
        resident_bytes: memory resident now.
        open_files: file descriptors open now; each client is one.

    """

    processes: int
    cpu_s: float
    resident_bytes: int
    open_files: int


def own_usage() -> Usage:
    """Returns what this process has taken (proc_pid_statm(5), getrusage(2))."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    resident_pages = int(os.pread(_statm(), 256, 0).split()[1])
    return Usage(
        processes=1,
        cpu_s=times.ru_utime + times.ru_stime,
        resident_bytes=resident_pages * resource.getpagesize(),
        # Newer systems count them (proc_pid_fd(5)): to list thousands takes milliseconds.
        open_files=_FILES.stat().st_size or sum(1 for _ in _FILES.iterdir()),
    )


@cache
def _statm() -> int:
    """Returns a descriptor that is held: the figures are of use where no file can be opened."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """A node's figures at one moment.

    Attributes:
        node: id of the node.
        streams: figures of every known stream.
        max_clients: how many clients it takes at the same time.
        refused_clients: clients refused at a limit.
        received: messages received from producers.
        received_bytes: bytes of those messages.
        refused: messages refused, by reason.
        undeliverable: frames for one client that had left.
        events: events published.
        usage: what the process has taken of the system.

    """

    node: str
    streams: Mapping[str, StreamStatistics]
    max_clients: int
    refused_clients: int
    received: int
    received_bytes: int
    refused: Mapping[str, int]
    undeliverable: int
    events: int
    usage: Usage


_PER_STREAM: Final = (
    ("parts", "Parts delivered to clients, repeats not counted.", "parts"),
    ("skipped_parts", "Parts skipped for clients that could not keep up.", "skipped"),
    ("payload_bytes", "Payload bytes delivered to clients.", "bytes"),
    ("repeats", "Repeated parts delivered.", "repeats"),
    ("frames", "Frames published by producers.", "frames"),
)


class _Figures:
    """What the registry collects: one moment's figures."""

    def __init__(self, figures: NodeStatistics) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        node = GaugeMetricFamily("partcast_node", "The node, as a label.", labels=["node"])
        node.add_metric([self._figures.node], 1)
        yield node
        yield from _streams(self._figures.streams)
        yield from _room(self._figures)
        yield from _intake(self._figures)
        yield from _usage(self._figures.usage)


def render(figures: NodeStatistics) -> bytes:
    """Returns the exposition text of a moment's figures."""
    registry: Any = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures))
    return generate_latest(registry)


def _streams(streams: Mapping[str, StreamStatistics]) -> Iterable[Metric]:
    clients = GaugeMetricFamily("partcast_clients", "Clients connected now.", labels=["stream"])
    status = GaugeMetricFamily(
        "partcast_stream_status", "1 for the status a stream has.", labels=["stream", "status"]
    )
    age = GaugeMetricFamily(
        "partcast_last_frame_age_seconds", "Time since the last frame.", labels=["stream"]
    )
    for name, each in streams.items():
        clients.add_metric([name], each.connections)
        for colour in Status:
            status.add_metric([name, colour.value], float(each.status is colour))
        if each.age is not None:
            age.add_metric([name], each.age)
    yield from (clients, status, age)
    for key, text, attribute in _PER_STREAM:
        family = CounterMetricFamily(f"partcast_{key}", text, labels=["stream"])
        for name, each in streams.items():
            family.add_metric([name], getattr(each, attribute))
        yield family


def _room(figures: NodeStatistics) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "partcast_max_clients", "Clients taken at the same time.", value=figures.max_clients
    )
    yield CounterMetricFamily(
        "partcast_refused_clients",
        "Clients refused at max_clients or max_streams.",
        value=figures.refused_clients,
    )


def _intake(figures: NodeStatistics) -> Iterable[Metric]:
    refused = CounterMetricFamily(
        "partcast_refused_messages", "Messages refused.", labels=["reason"]
    )
    for reason, messages in figures.refused.items():
        refused.add_metric([reason], messages)
    yield refused
    for name, text, value in (
        ("received_messages", "Messages received from producers.", figures.received),
        ("received_bytes", "Bytes received from producers.", figures.received_bytes),
        ("undeliverable_frames", "Frames for one client that had left.", figures.undeliverable),
        ("events", "Events published to producers.", figures.events),
    ):
        yield CounterMetricFamily(f"partcast_{name}", text, value=value)


def _usage(usage: Usage) -> Iterable[Metric]:
    """Yields the usual names, added up over all workers: any of them may be asked."""
    yield GaugeMetricFamily(
        "partcast_processes", "Streamer processes of this service.", value=usage.processes
    )
    yield CounterMetricFamily(
        "process_cpu_seconds", "User and system time of all of them.", value=usage.cpu_s
    )
    for name, text, value in (
        ("process_resident_memory_bytes", "Memory of all of them.", usage.resident_bytes),
        ("process_open_fds", "File descriptors open in all of them.", usage.open_files),
    ):
        yield GaugeMetricFamily(name, text, value=value)
