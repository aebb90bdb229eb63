"""Who has left, and who was never there."""

from __future__ import annotations

import pytest

from producer.departures import CLIENTS_REMEMBERED, SEARCH_S, ClientGone, Departures
from protocol import Goodbye

from .test_following import closed, new


def test_a_client_that_has_left_is_gone_at_once() -> None:
    departures = Departures()
    departures.note(new("aaaa-1"))
    departures.check("aaaa-1", 0.0)
    departures.note(closed("aaaa-1"))
    with pytest.raises(ClientGone, match="client aaaa-1 is out of reach: it has left") as caught:
        departures.check("aaaa-1", 0.0)
    assert caught.value.client == "aaaa-1"


def test_a_client_that_came_back_is_not_gone() -> None:
    departures = Departures()
    departures.note(closed("aaaa-1"))
    departures.note(new("aaaa-1"))
    departures.check("aaaa-1", 0.0)


def test_a_client_that_no_node_has_is_looked_for_and_then_gone() -> None:
    departures = Departures()
    departures.note(Goodbye())
    departures.check("aaaa-1", SEARCH_S - 0.1)
    with pytest.raises(ClientGone, match="no node has it"):
        departures.check("aaaa-1", SEARCH_S)


def test_the_memory_of_who_has_left_is_bounded() -> None:
    departures = Departures()
    for number in range(CLIENTS_REMEMBERED + 1):
        departures.note(closed(f"aaaa-{number}"))
    departures.check("aaaa-0", 0.0)
    assert len(departures._left) == CLIENTS_REMEMBERED
