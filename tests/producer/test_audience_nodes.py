"""Nodes that end, die, hang and come back."""

from __future__ import annotations

from producer import Goodbye, Heartbeat
from producer.audience import GONE_REMEMBERED, MISSED_HEARTBEATS
from producer.node import MAX_INTERVAL_S, PARTED_INTERVAL_S, UNKNOWN_INTERVAL_S
from protocol import (
    ClosedConnection,
    Event,
    NewConnection,
    NoConnection,
    Notice,
)
from protocol import Heartbeat as SaidHeartbeat

from .hearing import Hearing, clients, lost
from .nodes import TrueNode


def test_a_node_that_says_goodbye_takes_its_clients_with_it(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    node.answer("cam2")
    hearing.hear(node)
    node.end(goodbye=True)
    events = hearing.hear(node)
    assert lost(events) == [client]
    assert [type(each) for each in events[:-1]] == [ClosedConnection, NoConnection]
    assert events[-1] == Goodbye("aaaa")
    assert hearing.audience.connections("cam1") == 0
    assert hearing.audience.nodes == []


def test_streams_that_a_node_has_forgotten_are_remembered_no_longer(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    staying = node.join("cam1")
    for number in range(100):
        node.leave(f"mistyped{number}", node.join(f"mistyped{number}"))
        del node.streams[f"mistyped{number}"]
    hearing.hear(node)
    node.beat()
    hearing.hear(node)
    assert hearing.audience.streams == ["cam1"]
    assert clients(hearing.audience, "cam1") == [staying]


def test_what_comes_after_goodbye_brings_nobody_back(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    node.end(goodbye=True)
    hearing.hear(node)
    node.join("cam1")
    node.beat()
    assert hearing.hear(node) == []
    assert hearing.audience.nodes == []


def test_the_clients_of_a_node_that_misses_its_heartbeats_are_lost(hearing: Hearing) -> None:
    node = TrueNode("aaaa", interval_s=2.0)
    node.join("cam1")
    client = node.join("cam1")
    node.deliver("cam1", client)
    hearing.beat(node)
    assert hearing.wait(MISSED_HEARTBEATS * 2.0) == []
    events = hearing.wait(0.25)
    assert lost(events) == ["aaaa-1", client]
    assert [each.connections for each in events if isinstance(each, ClosedConnection)] == [1, 0]
    assert [each.parts for each in events if isinstance(each, ClosedConnection)] == [0, 1]
    assert events[-1] == NoConnection("cam1")
    assert hearing.audience.connections("cam1") == 0


def test_only_the_silent_node_is_lost(hearing: Hearing) -> None:
    silent, speaks = TrueNode("aaaa"), TrueNode("bbbb")
    silent.join("cam1")
    speaks.join("cam1")
    hearing.beat(silent)
    events: list[Event] = []
    for _ in range(6):
        hearing.beat(speaks)
        events += hearing.wait(1.0)
    assert lost(events) == ["aaaa-1"]
    assert hearing.audience.nodes == ["bbbb"]
    assert hearing.audience.connections("cam1") == 1


def test_any_message_shows_that_a_node_lives(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    hearing.beat(node)
    for _ in range(10):
        node.join("cam1")
        hearing.hear(node)
        assert hearing.wait(2.0) == []


def test_an_old_message_shows_nothing(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.beat()
    (old,) = node.wire
    hearing.hear(node)
    for _ in range(4):
        hearing.wait(1.0)
        hearing.audience.hear(old, hearing.now)
    assert hearing.audience.nodes == []


def test_a_node_whose_interval_is_not_known_yet_is_waited_for(hearing: Hearing) -> None:
    node = TrueNode("aaaa", interval_s=UNKNOWN_INTERVAL_S)
    node.answer("cam1")
    hearing.hear(node)
    hearing.wait(MISSED_HEARTBEATS * UNKNOWN_INTERVAL_S)
    assert hearing.audience.nodes == ["aaaa"]
    hearing.wait(1.0)
    assert hearing.audience.nodes == []


def test_a_node_whose_connection_ends_before_it_told_its_interval_is_not_waited_for_long(
    hearing: Hearing,
) -> None:
    node = TrueNode("aaaa")
    node.answer("cam1")
    hearing.hear(node)
    hearing.audience.part("bbbb")
    hearing.audience.part("aaaa")
    hearing.wait(MISSED_HEARTBEATS * PARTED_INTERVAL_S)
    assert hearing.audience.nodes == ["aaaa"]
    hearing.wait(0.25)
    assert hearing.audience.nodes == []


def test_a_node_whose_connection_ends_is_waited_for_as_it_told(hearing: Hearing) -> None:
    node = TrueNode("aaaa", interval_s=10.0)
    hearing.beat(node)
    hearing.audience.part("aaaa")
    hearing.wait(MISSED_HEARTBEATS * 10.0)
    assert hearing.audience.nodes == ["aaaa"]


def test_an_interval_beyond_belief_keeps_no_node_for_ever(hearing: Hearing) -> None:
    hearing.audience.hear(Notice("aaaa", 1, 0, SaidHeartbeat(1e300, {})), hearing.now)
    hearing.wait(MISSED_HEARTBEATS * MAX_INTERVAL_S + 1)
    assert hearing.audience.nodes == []


def test_a_node_that_was_out_of_reach_brings_its_clients_back_once(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    hearing.beat(node)
    assert lost(hearing.wait(4.0)) == [client]
    node.beat()
    (beat,) = hearing.hear(node)
    assert isinstance(beat, Heartbeat)
    assert (beat.node, beat.streams["cam1"].connections) == ("aaaa", 1)
    assert hearing.audience.connections("cam1") == 1
    assert hearing.asked(1) == ["cam1"]
    node.answer("cam1")
    came, _ = hearing.hear(node)
    assert isinstance(came, NewConnection)
    assert hearing.audience.connections("cam1") == 1
    assert clients(hearing.audience) == [client]


def test_a_node_that_was_out_of_reach_is_counted_anew(hearing: Hearing) -> None:
    node = TrueNode("aaaa", kinds=())
    node.join("cam1")
    hearing.beat(node)
    assert hearing.wait(4.0) == []  # nobody knew who that was
    assert hearing.audience.connections("cam1") == 0
    node.answer("cam2")
    hearing.hear(node)
    assert hearing.audience.connections("cam1") == 0


def test_a_message_that_comes_late_revives_no_node(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    (late,) = node.wire
    hearing.beat(node)
    hearing.wait(4.0)
    assert hearing.audience.hear(late, hearing.now) == []
    assert hearing.audience.nodes == []


def test_time_in_which_we_were_suspended_says_nothing_about_the_nodes(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    hearing.beat(node)
    hearing.wait(0.5)
    hearing.now += 3600
    assert hearing.audience.pass_time(hearing.now) == []
    hearing.beat(node)
    assert hearing.wait(3.0) == []
    assert hearing.audience.connections("cam1") == 1
    assert lost(hearing.wait(1.0)) == ["aaaa-1"]


def test_suspension_does_not_make_a_node_that_was_just_heard_live_longer(
    hearing: Hearing,
) -> None:
    node = TrueNode("aaaa")
    hearing.wait(0.5)
    hearing.now += 3600
    hearing.beat(node)
    hearing.wait(4.0)
    assert hearing.audience.nodes == []


def test_the_memory_of_nodes_that_have_gone_is_bounded(hearing: Hearing) -> None:
    for number in range(GONE_REMEMBERED + 5):
        node = TrueNode(f"node{number}")
        node.end(goodbye=True)
        hearing.hear(node)
    assert len(hearing.audience._gone) == GONE_REMEMBERED
    assert "node0" not in hearing.audience._gone
