"""Events for those who follow them."""

from __future__ import annotations

import logging

import pytest

from producer.following import FOLLOWER_EVENTS, Arrivals, Follower, Totals, opened
from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Overload,
    Snapshot,
    Watcher,
)


def new(client: str, connections: int = 1, stream: str = "cam1") -> NewConnection:
    return NewConnection(stream, client, connections, "", {}, Overload.LATEST, None)


def closed(client: str, connections: int = 0, stream: str = "cam1") -> ClosedConnection:
    reason = CloseReason.CLIENT
    return ClosedConnection(stream, client, connections, reason, 1.0, 0, 0, 0, 0)


def rest(follower: Follower) -> list[Event]:
    found: list[Event] = []
    while (event := follower.next()) is not None:
        found.append(event)
    return found


# Totals.


def test_connections_are_those_of_all_nodes() -> None:
    said: list[Event] = [new("aaaa-1", 1), new("bbbb-1", 1), closed("aaaa-1", 0), new("bbbb-2", 2)]
    told = list(Totals().over_nodes(said))
    assert [getattr(each, "connections", None) for each in told] == [1, 2, 1, 2]


def test_that_nobody_is_left_is_said_when_the_last_client_of_all_nodes_has_gone() -> None:
    said: list[Event] = [
        new("aaaa-1"),
        new("bbbb-1"),
        closed("aaaa-1"),
        NoConnection("cam1"),
        closed("bbbb-1"),
    ]
    told = list(Totals().over_nodes([*said, NoConnection("cam1")]))
    assert [type(each) for each in told] == [
        NewConnection,
        NewConnection,
        ClosedConnection,
        ClosedConnection,
        NoConnection,
    ]


def test_streams_are_added_up_one_by_one() -> None:
    told = list(Totals().over_nodes([new("aaaa-1"), new("aaaa-2", stream="cam2")]))
    assert [getattr(each, "connections", None) for each in told] == [1, 1]


def test_what_counts_nobody_is_passed_on_and_snapshots_are_not() -> None:
    said: list[Event] = [
        Credit("cam1", "aaaa-1", 3),
        Snapshot("cam1", 0, ()),
        Heartbeat(1.0, {}),
        Goodbye(),
    ]
    assert list(Totals().over_nodes(said)) == [said[0], *said[2:]]


def test_streams_that_nobody_watches_any_more_are_forgotten() -> None:
    totals = Totals()
    list(totals.over_nodes([new("aaaa-1"), closed("aaaa-1")]))
    assert not totals._clients


# Followers.


def test_a_follower_of_a_stream_gets_what_happens_on_it() -> None:
    follower = Follower("cam1")
    said: list[Event] = [new("aaaa-1"), new("aaaa-2", stream="cam2"), Goodbye(), closed("aaaa-1")]
    for event in said:
        follower.offer(event)
    assert rest(follower) == [new("aaaa-1"), closed("aaaa-1")]
    assert follower.next() is None


def test_a_follower_of_all_gets_everything() -> None:
    follower = Follower(None)
    said: list[Event] = [new("aaaa-1"), new("aaaa-2", stream="cam2"), Goodbye()]
    for event in said:
        follower.offer(event)
    assert rest(follower) == said


def test_a_follower_that_takes_nothing_loses_the_oldest_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    follower = Follower("cam1")
    for number in range(FOLLOWER_EVENTS + 2):
        follower.offer(Credit("cam1", "aaaa-1", number))
    assert follower.next() == Credit("cam1", "aaaa-1", 2)
    assert len(rest(follower)) == FOLLOWER_EVENTS - 1
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


def test_who_is_there_already_is_opened_for_who_begins_to_follow() -> None:
    watchers = [Watcher(f"aaaa-{n}", {"n": "1"}, Overload.QUEUE, 4, 9) for n in (1, 2)]
    assert list(opened("cam1", watchers)) == [
        NewConnection("cam1", "aaaa-1", 1, "", {"n": "1"}, Overload.QUEUE, 4),
        NewConnection("cam1", "aaaa-2", 2, "", {"n": "1"}, Overload.QUEUE, 4),
    ]


# Arrivals.


def test_clients_are_served_in_the_order_they_came_and_once() -> None:
    arrivals = Arrivals("cam1")
    for event in (new("aaaa-1"), new("aaaa-9", stream="cam2"), new("aaaa-2", 2)):
        arrivals.offer(event)
    assert arrivals.next() == new("aaaa-1")
    assert arrivals.next() == new("aaaa-2", 2)
    assert arrivals.next() is None


def test_who_has_left_before_it_was_his_turn_is_passed_over() -> None:
    arrivals = Arrivals("cam1")
    for event in (new("aaaa-1"), new("aaaa-2", 2), closed("aaaa-1", 1), Goodbye()):
        arrivals.offer(event)
    assert arrivals.next() == new("aaaa-2", 2)
    assert arrivals.next() is None


def test_a_client_that_was_lost_and_came_back_is_served_again() -> None:
    arrivals = Arrivals("cam1")
    arrivals.offer(new("aaaa-1"))
    assert arrivals.next() is not None
    arrivals.offer(closed("aaaa-1"))
    arrivals.offer(new("aaaa-1"))
    assert arrivals.next() == new("aaaa-1")
