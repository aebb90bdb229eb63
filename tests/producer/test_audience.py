"""Who watches, over all nodes. Generated histories stand beside this."""

from __future__ import annotations

from protocol import ClosedConnection, Credit, NewConnection, NoConnection, Notice, Overload

from .hearing import Hearing, clients, lost
from .nodes import WINDOW, TrueNode

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
