"""Events are values that cannot be wrong."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    MalformedError,
    NewConnection,
    NoConnection,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
)

WATCHER = Watcher("k3x9-1", {"from": "5"}, Overload.QUEUE, 16, 3)
STATE = StreamState(1, Status.BLUE, 10, 0, 2_000)
VALUES: list[Event | Watcher | StreamState] = [
    NewConnection("cam1", "k3x9-1", 1, "127.0.0.1", {"from": "5"}, Overload.LATEST, None),
    ClosedConnection("cam1", "k3x9-1", 0, CloseReason.CLIENT, 1.5, 10, 2_000, 3, 4),
    NoConnection("cam1"),
    Credit("cam1", "k3x9-1", 5),
    Snapshot("cam1", 1, (WATCHER,)),
    Heartbeat(1.0, {"cam1": STATE}),
    WATCHER,
    STATE,
]
WRONG: dict[str, list[Any]] = {
    "stream": ["", "a/b", "cam 1", "cam1/", None, b"cam1", 1],
    "client": ["", "k3x9", "k3x9-", "K3X9-1", "abc-1", "k3x9-x", None, b"k3x9-1"],
    "connections": [-1, 2**64, 1.5, True, None, "1"],
    "parts": [-1, 2**64, 1.5, True, None],
    "bytes": [-1, 2**64, 1.5, True, None],
    "skipped": [-1, 2**64, 1.5, True, None],
    "repeats": [-1, 2**64, 1.5, True, None],
    "delivered": [-1, 2**64, 1.5, True, None],
    "window": [-1, 2**64, 1.5, True, "16"],
    "peer": [None, b"127.0.0.1", 1, "\ud800"],
    "query": [None, [], "from=5", {"from": 5}, {5: "from"}, {"from": None}, {"\ud800": ""}],
    "duration": [-1, -0.1, math.nan, math.inf, True, "1", None],
    "interval": [0, 0.0, -1, math.nan, math.inf, True, "1", None],
    "streams": [{"a/b": STATE}, {"": STATE}, {1: STATE}],
}
CASES = [
    pytest.param(value, key, wrong, id=f"{type(value).__name__}-{key}-{wrong!r}")
    for value in VALUES
    for key in WRONG
    if hasattr(value, key)
    for wrong in WRONG[key]
]


@pytest.mark.parametrize(("value", "key", "wrong"), CASES)
def test_no_event_can_be_made_with_a_wrong_value(value: Any, key: str, wrong: object) -> None:
    with pytest.raises(MalformedError):
        dataclasses.replace(value, **{key: wrong})


@pytest.mark.parametrize("connections", [1, -1, None])
def test_nobody_is_left_where_there_is_no_connection(connections: Any) -> None:
    with pytest.raises(MalformedError, match="allowed is 0"):
        NoConnection("cam1", connections)


def test_seconds_may_be_whole() -> None:
    assert Heartbeat(1, {}) == Heartbeat(1.0, {})


@pytest.mark.parametrize("value", [*VALUES, Goodbye()])
def test_an_event_cannot_be_changed(value: Any) -> None:
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        value.stream = "cam2"
