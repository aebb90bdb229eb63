"""How many parts may be under way to one node, and whose turn it is."""

from __future__ import annotations

from collections import Counter, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.node_window import GIVEN_UP_AFTER_S, NODE_WINDOW, PROBE_AFTER_S
from producer.sending import Window
from protocol import Credit, Overload, Watcher

SIZE = 16


class Serving:
    """A window, and the clients of some nodes, which take parts when the test says so."""

    def __init__(self) -> None:
        self.window = Window()
        self.now = 100.0
        self.sent: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()

    def send(self, client: str) -> bool:
        """Sends a part, if it may be sent."""
        watcher = Watcher(client, {}, Overload.QUEUE, SIZE, self.delivered[client])
        if not self.window.is_open(watcher, self.now):
            return False
        self.window.sent(client, self.now)
        self.sent[client] += 1
        return True

    def fill(self, *clients: str) -> int:
        """Sends as many parts as may be sent, to each in turn; returns how many those were."""
        before = self.sent.total()
        while [each for each in clients if self.send(each)]:
            pass
        return self.sent.total() - before

    def deliver(self, client: str, number: int = 1) -> list[str]:
        """Delivers parts; returns whose turn it is then."""
        self.delivered[client] += number
        return list(self.window.credit(Credit("clip", client, self.delivered[client]), self.now))


def clients(number: int, node: str = "aaaa") -> list[str]:
    return [f"{node}-{each}" for each in range(1, number + 1)]


def test_no_more_than_so_many_parts_are_under_way_to_a_node_however_many_its_clients() -> None:
    serving = Serving()
    assert serving.fill(*clients(100)) == NODE_WINDOW
    assert serving.fill(*clients(100, "bbbb")) == NODE_WINDOW


def test_a_part_that_was_delivered_tells_that_those_before_it_have_arrived() -> None:
    serving = Serving()
    stuck, other = clients(2)
    for _ in range(10):
        assert serving.send(stuck)
    assert serving.send(other)
    serving.fill(*clients(100)[2:])
    serving.deliver(other)
    assert serving.fill(*clients(100)[2:]) == 11


def test_clients_that_take_nothing_do_not_hold_up_the_others() -> None:
    serving = Serving()
    stuck, (quick,) = clients(20)[1:], clients(1)
    for _ in range(100):
        serving.fill(*stuck, quick)
        serving.now += PROBE_AFTER_S
        if serving.sent[quick] > serving.delivered[quick]:
            serving.deliver(quick, serving.sent[quick] - serving.delivered[quick])
    assert serving.sent[quick] >= 100
    assert all(serving.sent[each] <= SIZE for each in stuck)


def test_where_nothing_tells_of_an_arrival_one_part_at_a_time_finds_out() -> None:
    serving = Serving()
    others = clients(100)
    assert serving.fill(*others) == NODE_WINDOW
    serving.now += PROBE_AFTER_S - 0.1
    assert serving.fill(*others) == 0
    serving.now += 0.1
    assert serving.fill(*others) == 1
    serving.now += PROBE_AFTER_S
    assert serving.fill(*others) == 1


def test_where_parts_were_lost_for_all_clients_they_go_on() -> None:
    serving = Serving()
    three = clients(3)
    assert serving.fill(*three) == NODE_WINDOW
    serving.now += PROBE_AFTER_S
    assert serving.fill(*three) == 0
    serving.now += PROBE_AFTER_S
    assert serving.fill(*three) == 1


def test_who_waits_longest_has_the_first_turn() -> None:
    serving = Serving()
    first, *others = clients(NODE_WINDOW)
    assert all(serving.send(each) for each in [first, *others])
    one, two, three = waiting = ["aaaa-91", "aaaa-92", "aaaa-93"]
    assert not any(serving.send(each) for each in waiting)
    assert serving.deliver(first) == [one]
    assert not serving.send(first)  # it is behind them now
    assert not serving.send(two)
    assert serving.send(one)
    assert serving.deliver(others[1]) == [two, three]
    assert serving.send(three)
    assert serving.send(two)
    assert not serving.send(two)


def test_who_has_given_up_takes_no_turn_from_others() -> None:
    serving = Serving()
    first, *others = clients(NODE_WINDOW)
    assert all(serving.send(each) for each in [first, *others])
    impatient, patient = "aaaa-91", "aaaa-92"
    assert not serving.send(impatient)
    assert not serving.send(patient)
    serving.now += PROBE_AFTER_S * 0.9
    assert not serving.send(patient)
    serving.now += GIVEN_UP_AFTER_S - PROBE_AFTER_S * 0.9
    assert serving.deliver(first) == [impatient]
    assert serving.send(patient)


def test_what_was_under_way_to_a_client_that_has_left_is_forgotten() -> None:
    serving = Serving()
    first, *others = clients(NODE_WINDOW)
    assert all(serving.send(each) for each in [first, *others])
    late = "aaaa-99"
    assert not serving.send(late)
    assert list(serving.window.forget(first)) == [late]
    assert serving.send(late)


def test_a_node_without_clients_leaves_nothing_behind() -> None:
    serving = Serving()
    for each in clients(100):
        serving.send(each)
    for each in clients(100):
        serving.window.forget(each)
    assert not serving.window._nodes
    serving.fill(*clients(100))
    serving.window.forget_node("aaaa")
    for each in clients(100):
        serving.window.forget(each)
    assert not serving.window._nodes


def test_a_link_that_breaks_loses_all_that_was_under_way_to_its_node() -> None:
    serving = Serving()
    serving.fill(*clients(100))
    serving.window.forget_node("aaaa")
    assert serving.fill(*clients(100)) == NODE_WINDOW


@pytest.mark.parametrize("number", [1, 5, 20])
@settings(deadline=None, max_examples=30)
@given(chances=st.lists(st.floats(0, 1), min_size=20, max_size=200))
def test_a_node_that_goes_on_gets_every_part_and_never_more_than_so_many_at_once(
    number: int, chances: list[float]
) -> None:
    serving = Serving()
    parts = 5
    pipe: deque[str] = deque()
    at_node: deque[str] = deque()
    for chance in [*chances, *([0.0] * 3 * number * parts)]:
        serving.now += 0.01
        if chance < 0.6:
            for each in clients(number):
                if serving.sent[each] < parts and serving.send(each):
                    pipe.append(each)
        if chance < 0.4 and pipe:
            at_node.append(pipe.popleft())
        if chance < 0.2 and at_node:
            serving.deliver(at_node.popleft())
        assert len(pipe) <= NODE_WINDOW
    assert all(serving.delivered[each] == parts for each in clients(number))
