"""What puts a stream in doubt, and how it is healed."""

from __future__ import annotations

import pytest

from producer.asking import AGAIN_AFTER_S
from producer.audience import MOST_PATIENCE
from producer.node import PROVEN_FOR_IF_SILENT_S, PROVEN_FOR_S
from protocol import ClosedConnection, NewConnection, Notice, Overload, Snapshot

from .hearing import Hearing, clients, lost
from .nodes import KINDS, WINDOW, TrueNode


def test_nothing_is_asked_while_all_is_well(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.answer("cam1")
    node.join("cam1")
    hearing.beat(node)
    assert hearing.asked(5) == []


def test_a_gap_is_healed_by_a_snapshot_and_its_difference_comes_out(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    stays, goes = node.join("cam1"), node.join("cam1")
    hearing.hear(node)
    node.leave("cam1", goes)
    comes = node.join("cam1")
    node.wire.clear()
    node.deliver("cam1", stays)
    hearing.hear(node)
    assert hearing.asked(1) == ["cam1"]
    node.answer("cam1")
    left, came, snapshot = hearing.hear(node)
    assert lost([left]) == [goes]
    assert isinstance(left, ClosedConnection)
    assert left.connections == 1
    assert came == NewConnection("cam1", comes, 2, "", {}, Overload.QUEUE, WINDOW)
    assert isinstance(snapshot, Snapshot)
    assert clients(hearing.audience) == [stays, comes]
    assert hearing.audience.connections("cam1") == 2
    assert hearing.asked(5) == []


def test_a_count_that_is_not_ours_puts_the_stream_in_doubt(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    node.wire.clear()
    node.join("cam1")  # the first message of the topic that comes: no gap is seen
    hearing.hear(node)
    assert hearing.audience.connections("cam1") == 2
    assert hearing.asked(1) == ["cam1"]


def test_a_heartbeat_shows_a_loss_that_nothing_else_shows(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    hearing.hear(node)
    node.leave("cam1", client)
    node.wire.clear()
    hearing.beat(node)
    assert hearing.audience.connections("cam1") == 0
    assert hearing.asked(1) == ["cam1"]


def test_the_count_of_a_snapshot_is_the_nodes(hearing: Hearing) -> None:
    hearing.audience.hear(Notice("aaaa", 1, 0, Snapshot("cam1", 7, ())), 0.0)
    assert hearing.audience.connections("cam1") == 7


def test_doubt_lasts_until_it_is_answered(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.answer("cam1")
    node.join("cam1")
    node.wire.pop()
    node.join("cam1")
    hearing.hear(node)
    assert len(hearing.asked(60)) > 5
    node.answer("cam1")
    hearing.hear(node)
    assert hearing.asked(60) == []


def test_only_of_streams_that_are_followed_is_anything_asked(hearing: Hearing) -> None:
    node = TrueNode("aaaa", kinds=())
    node.join("cam1")
    node.join("cam2")
    hearing.beat(node)
    asked = {
        name
        for tick in range(8)
        for name in hearing.audience.to_ask({"cam2"}, hearing.now + tick * 0.25)
    }
    assert asked == {"cam2"}


def test_a_node_that_tells_nobodys_coming_is_asked_once_for_each_change(
    hearing: Hearing,
) -> None:
    node = TrueNode("aaaa", kinds=())
    node.answer("cam1")
    asked: list[str] = []
    for number in range(20):
        if number % 5 == 0:
            node.join("cam1")
        hearing.beat(node)
        for stream in (questions := hearing.asked(AGAIN_AFTER_S)):
            node.answer(stream)
        asked += questions
        hearing.hear(node)
    assert asked == ["cam1"] * 4
    assert len(clients(hearing.audience)) == 4


@pytest.mark.parametrize(
    ("kinds", "trusted_s"), [(KINDS, PROVEN_FOR_S), ((), PROVEN_FOR_IF_SILENT_S)]
)
def test_what_leaves_no_trace_is_found_when_it_is_no_longer_trusted(
    hearing: Hearing, kinds: tuple[str, ...], trusted_s: float
) -> None:
    node = TrueNode("aaaa", kinds=kinds)
    node.answer("cam1")
    first = node.join("cam1")
    hearing.beat(node)
    hearing.asked(1)
    node.answer("cam1")
    hearing.hear(node)
    node.cut = True
    node.leave("cam1", first)
    second = node.join("cam1")
    node.cut = False
    waited = 0.0
    while not hearing.asked(1):
        waited += 1
        hearing.beat(node)
        assert waited <= trusted_s * MOST_PATIENCE + 2
    assert waited >= trusted_s - 2
    node.answer("cam1")
    hearing.hear(node)
    assert clients(hearing.audience) == [second]


def test_of_a_stream_that_nobody_watches_nothing_is_asked(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.leave("cam1", node.join("cam1"))
    for _ in range(int(PROVEN_FOR_S * MOST_PATIENCE) + 2):
        hearing.beat(node)
        assert hearing.asked(1) == []


def test_a_gap_does_not_make_a_node_a_silent_one(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.answer("cam1")
    hearing.hear(node)
    node.join("cam1")
    node.wire.clear()
    node.join("cam1")
    node.answer("cam1")
    hearing.hear(node)
    for _ in range(int(PROVEN_FOR_IF_SILENT_S * MOST_PATIENCE) + 2):
        hearing.beat(node)
        assert hearing.asked(1) == []
