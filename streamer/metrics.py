"""The node's figures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from protocol import Status
from streamer.stream import StreamStatistics

# Every scraper knows this version; our names need nothing of the newer one.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """A node's figures at one moment.

    Attributes:
        node: id of the node.
        streams: figures of every known stream.
        received: messages received from producers.
        received_bytes: bytes of those messages.
        refused: messages refused, by reason.
        undeliverable: frames for one client that had left.
        events: events published.

    """

    node: str
    streams: Mapping[str, StreamStatistics]
    received: int
    received_bytes: int
    refused: Mapping[str, int]
    undeliverable: int
    events: int


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
        yield from _intake(self._figures)


def render(figures: NodeStatistics) -> bytes:
    """Returns the exposition text of a moment's figures, and of this process."""
    registry: Any = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures))
    ProcessCollector(registry=registry)
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
