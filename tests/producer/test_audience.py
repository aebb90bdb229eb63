"""Who watches, over all nodes: single promises. Generated histories stand beside this."""

from __future__ import annotations

import random

import pytest

from producer.asking import AGAIN_AFTER_S
from producer.audience import GONE_REMEMBERED, MISSED_HEARTBEATS, MOST_PATIENCE, Audience
from producer.node import (
    MAX_INTERVAL_S,
    PARTED_INTERVAL_S,
    PROVEN_FOR_IF_SILENT_S,
    PROVEN_FOR_S,
    UNKNOWN_INTERVAL_S,
)
from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Notice,
    Overload,
    Snapshot,
)

from .nodes import KINDS, WINDOW, TrueNode


class Hearing:
    """An audience that hears whatever some nodes say, at once."""

    def __init__(self) -> None:
        self.audience = Audience(random.Random(1))
        self.now = 50.0

    def hear(self, node: TrueNode) -> list[Event]:
        events: list[Event] = []
        while node.wire:
            events += self.audience.hear(node.wire.popleft(), self.now)
        return events

    def beat(self, node: TrueNode) -> None:
        node.beat()
        self.hear(node)

    def wait(self, seconds: float) -> list[Event]:
        """Lets time pass, in small looks."""
        events = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.25)
            events += self.audience.pass_time(self.now)
        return events

    def asked(self, seconds: float) -> list[str]:
        """Lets time pass; returns what is asked meanwhile."""
        asked = []
        for _ in range(int(seconds / 0.25)):
            self.now += 0.25
            asked += self.audience.to_ask(None, self.now)
        return asked


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


def clients(audience: Audience, stream: str = "cam1") -> list[str]:
    return [each.client for each in audience.clients(stream)]


def lost(events: list[Event]) -> list[str]:
    return [
        each.client
        for each in events
        if isinstance(each, ClosedConnection) and each.reason is CloseReason.LOST
    ]


# Counting.


def test_clients_are_added_up_over_the_nodes(hearing: Hearing) -> None:
    one, two = TrueNode("aaaa"), TrueNode("bbbb")
    one.join("cam1")
    two.join("cam1")
    two.join("cam1")
    two.join("cam2")
    for node in (one, two):
        hearing.hear(node)
    assert hearing.audience.connections("cam1") == 3
    assert clients(hearing.audience) == ["aaaa-1", "bbbb-1", "bbbb-2"]
    assert hearing.audience.streams == ["cam1", "cam2"]
    assert hearing.audience.nodes == ["aaaa", "bbbb"]


def test_what_a_node_says_comes_out_in_order(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    node.deliver("cam1", client)
    node.leave("cam1", client)
    kinds = [type(each) for each in hearing.hear(node)]
    assert kinds == [NewConnection, Credit, ClosedConnection, NoConnection]


def test_a_client_is_found_by_its_id_while_it_is_there(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    client = node.join("cam2")
    node.deliver("cam2", client)
    hearing.hear(node)
    found = hearing.audience.find(client)
    assert found is not None
    assert (found.client, found.delivered, found.window) == (client, 1, WINDOW)
    node.leave("cam2", client)
    hearing.hear(node)
    assert hearing.audience.find(client) is None
    assert hearing.audience.find("bbbb-1") is None


def test_a_heartbeat_alone_counts_clients_of_streams_that_nobody_follows(
    hearing: Hearing,
) -> None:
    node = TrueNode("aaaa", kinds=())
    node.join("cam1")
    hearing.beat(node)
    assert hearing.audience.connections("cam1") == 1


def test_a_stream_that_a_heartbeat_leaves_out_is_watched_by_nobody(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    hearing.hear(node)
    node.streams.clear()
    hearing.beat(node)
    assert hearing.audience.connections("cam1") == 0
    assert hearing.asked(1) == ["cam1"]


# Late, double, lost.


def test_what_comes_twice_counts_once(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    node.join("cam1")
    (notice,) = node.wire
    hearing.hear(node)
    assert hearing.audience.hear(notice, hearing.now) == []
    assert hearing.audience.connections("cam1") == 1


def test_a_client_that_comes_again_is_opened_once(hearing: Hearing) -> None:
    new = NewConnection("cam1", "aaaa-1", 1, "", {}, Overload.LATEST, None)
    assert hearing.audience.hear(Notice("aaaa", 1, 0, new), 0.0) == [new]
    assert hearing.audience.hear(Notice("aaaa", 2, 0, new), 0.0) == []
    assert clients(hearing.audience) == ["aaaa-1"]


def test_a_client_of_which_nobody_heard_is_not_closed(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    node.wire.clear()
    node.leave("cam1", client)
    assert [type(each) for each in hearing.hear(node)] == [NoConnection]


def test_credit_for_a_client_of_which_nobody_heard_changes_nothing(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    node.wire.clear()
    node.deliver("cam1", client)
    assert [type(each) for each in hearing.hear(node)] == [Credit]
    assert clients(hearing.audience) == []


def test_no_connection_takes_out_whose_end_was_missed(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    hearing.hear(node)
    node.leave("cam1", client)
    node.wire.popleft()
    events = hearing.hear(node)
    assert lost(events) == [client]
    assert isinstance(events[-1], NoConnection)
    assert hearing.audience.connections("cam1") == 0


# Doubt and snapshots.


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


# The end of nodes.


def test_a_node_that_says_goodbye_takes_its_clients_with_it(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    node.answer("cam2")
    hearing.hear(node)
    node.end(goodbye=True)
    events = hearing.hear(node)
    assert lost(events) == [client]
    assert [type(each) for each in events] == [ClosedConnection, NoConnection, Goodbye]
    assert hearing.audience.connections("cam1") == 0
    assert hearing.audience.nodes == []


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
    hearing.audience.hear(Notice("aaaa", 1, 0, Heartbeat(1e300, {})), hearing.now)
    hearing.wait(MISSED_HEARTBEATS * MAX_INTERVAL_S + 1)
    assert hearing.audience.nodes == []


def test_a_node_that_was_out_of_reach_brings_its_clients_back_once(hearing: Hearing) -> None:
    node = TrueNode("aaaa")
    client = node.join("cam1")
    hearing.beat(node)
    assert lost(hearing.wait(4.0)) == [client]
    node.beat()
    assert [type(each) for each in hearing.hear(node)] == [Heartbeat]
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
