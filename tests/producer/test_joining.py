"""Whether a streamer is there, and that it is said once."""

from __future__ import annotations

import logging

import pytest

from producer.joining import (
    ALONE_S,
    FOLLOWS_S,
    JOIN_TIMEOUT_S,
    SUBSCRIPTIONS_S,
    Joining,
    Straggler,
)

ENDPOINT = "tcp://127.0.0.1:5555"


@pytest.fixture
def joining(caplog: pytest.LogCaptureFixture) -> Joining:
    caplog.set_level(logging.INFO, "producer")
    return Joining(ENDPOINT, 100.0)


def test_the_first_subscription_is_awaited_for_a_while(joining: Joining) -> None:
    assert joining.is_under_way(100.0)
    assert joining.is_under_way(100.0 + JOIN_TIMEOUT_S - 0.1)
    assert not joining.is_under_way(100.0 + JOIN_TIMEOUT_S)


def test_where_one_subscription_has_come_the_others_follow_soon(joining: Joining) -> None:
    joining.note(101.0, joined=True)
    joining.note(101.1, joined=True)
    assert joining.is_under_way(101.0 + SUBSCRIPTIONS_S - 0.01)
    assert not joining.is_under_way(101.0 + SUBSCRIPTIONS_S)


def test_a_streamer_that_is_there_from_the_start_is_not_worth_a_word(
    joining: Joining, caplog: pytest.LogCaptureFixture
) -> None:
    joining.note(100.0, joined=False)
    joining.note(100.0 + ALONE_S / 2, joined=True)
    joining.note(200.0, joined=True)
    assert caplog.messages == []


def test_that_nobody_is_there_is_said_once_and_so_is_that_somebody_came(
    joining: Joining, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(5):
        joining.note(100.0 + ALONE_S + second, joined=False)
    joining.note(110.0, joined=True)
    joining.note(111.0, joined=True)
    assert caplog.messages == [
        f"no streamer takes frames at {ENDPOINT}: waiting",
        f"a streamer takes frames at {ENDPOINT}",
    ]


def test_a_streamer_that_leaves_is_missed_at_once(
    joining: Joining, caplog: pytest.LogCaptureFixture
) -> None:
    joining.note(100.1, joined=True)
    joining.note(100.2, joined=False)
    assert len(caplog.messages) == 1


def test_a_connection_that_is_missing_beside_others_is_awaited_for_a_while() -> None:
    straggler = Straggler()
    assert not straggler.is_awaited(100.0)
    straggler.note(100.0, missing=True)
    straggler.note(101.0, missing=True)
    assert straggler.is_awaited(100.0 + FOLLOWS_S - 0.1)
    assert not straggler.is_awaited(100.0 + FOLLOWS_S)


def test_where_it_has_come_its_subscriptions_follow_soon() -> None:
    straggler = Straggler()
    straggler.note(100.0, missing=True)
    straggler.note(101.0, missing=False)
    assert straggler.is_awaited(101.0 + SUBSCRIPTIONS_S - 0.01)
    assert not straggler.is_awaited(101.0 + SUBSCRIPTIONS_S)
    straggler.note(200.0, missing=True)
    assert straggler.is_awaited(200.0)
