"""The figures for Prometheus, read by its own parser."""

from __future__ import annotations

import socket
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from protocol import Overload, Status
from streamer.fanout.stream import StreamStatistics
from streamer.metrics import NodeStatistics, Usage, own_usage, render

Sample = tuple[str, frozenset[tuple[str, str]]]


def statistics(**changed: Any) -> StreamStatistics:
    figures: dict[str, Any] = {
        "status": Status.BLUE,
        "connections": 3,
        "parts": 100,
        "skipped": 7,
        "bytes": 5000,
        "repeats": 2,
        "frames": 50,
        "fps": 10.0,
        "age": 0.25,
        "content_type": "image/jpeg",
        "overload": Overload.LATEST,
    }
    return StreamStatistics(**{**figures, **changed})


def node_statistics(**changed: Any) -> NodeStatistics:
    figures: dict[str, Any] = {
        "node": "node",
        "streams": {},
        "max_clients": 200,
        "refused_clients": 8,
        "received": 60,
        "received_bytes": 6000,
        "refused": {},
        "undeliverable": 4,
        "events": 9,
        "usage": Usage(processes=2, cpu_s=1.5, resident_bytes=4096, open_files=20),
    }
    return NodeStatistics(**{**figures, **changed})


def samples(figures: NodeStatistics) -> dict[Sample, float]:
    text = render(figures).decode()
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return f"partcast_{name}", frozenset(labels.items())


def test_each_stream_has_its_figures() -> None:
    found = samples(node_statistics(streams={"cam1": statistics(), "cam2": statistics(parts=5)}))
    assert found[sample("clients", stream="cam1")] == 3
    assert found[sample("parts_total", stream="cam1")] == 100
    assert found[sample("parts_total", stream="cam2")] == 5
    assert found[sample("skipped_parts_total", stream="cam1")] == 7
    assert found[sample("payload_bytes_total", stream="cam1")] == 5000
    assert found[sample("repeats_total", stream="cam1")] == 2
    assert found[sample("frames_total", stream="cam1")] == 50
    assert found[sample("last_frame_age_seconds", stream="cam1")] == 0.25


def test_a_status_is_a_one_among_zeros() -> None:
    found = samples(node_statistics(streams={"cam1": statistics(status=Status.YELLOW)}))
    assert {
        colour: found[sample("stream_status", stream="cam1", status=colour)] for colour in Status
    } == {"grey": 0, "blue": 0, "yellow": 1, "red": 0}


def test_a_stream_without_a_frame_has_no_age() -> None:
    found = samples(node_statistics(streams={"cam1": statistics(age=None)}))
    assert sample("last_frame_age_seconds", stream="cam1") not in found


def test_the_node_is_a_label_and_has_its_own_figures() -> None:
    found = samples(node_statistics(refused={"bad_topic": 5, "too_large": 1}))
    assert found[sample("node", node="node")] == 1
    assert found[sample("max_clients")] == 200
    assert found[sample("refused_clients_total")] == 8
    assert found[sample("received_messages_total")] == 60
    assert found[sample("received_bytes_total")] == 6000
    assert found[sample("undeliverable_frames_total")] == 4
    assert found[sample("events_total")] == 9
    assert found[sample("refused_messages_total", reason="bad_topic")] == 5
    assert found[sample("refused_messages_total", reason="too_large")] == 1


def test_what_the_processes_have_taken_goes_by_the_usual_names() -> None:
    found = samples(node_statistics())
    assert found[sample("processes")] == 2
    assert found["process_cpu_seconds_total", frozenset()] == 1.5
    assert found["process_resident_memory_bytes", frozenset()] == 4096
    assert found["process_open_fds", frozenset()] == 20


def test_a_process_knows_what_it_has_taken() -> None:
    before = own_usage()
    with socket.socket(), socket.socket():
        after = own_usage()
    assert before.processes == 1
    assert after.open_files == before.open_files + 2
    assert after.cpu_s >= before.cpu_s > 0
    assert before.resident_bytes > 2**20


def test_every_figure_has_a_help_and_ours_have_our_name() -> None:
    text = render(node_statistics(streams={"cam1": statistics()})).decode()
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in {"counter", "gauge"}
        assert family.name.startswith(("partcast_", "process_"))


def test_each_moment_is_rendered_anew() -> None:
    before = samples(node_statistics(received=1))
    after = samples(node_statistics(received=2))
    assert before[sample("received_messages_total")] == 1
    assert after[sample("received_messages_total")] == 2
