"""What a producer counts while it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.node_window import NODE_WINDOW
from producer.sending import LOST_AFTER_S, TOPICS_REMEMBERED, Numbers, Window, new_producer_id
from protocol import AllClients, OneClient, Overload, Watcher

CAM1, CAM2 = AllClients("cam1"), AllClients("cam2")
CLIENT = "aaaa-1"


def client(delivered: int = 0, window: int | None = 4, name: str = CLIENT) -> Watcher:
    return Watcher(name, {}, Overload.QUEUE, window, delivered)


def fill(window: Window, watcher: Watcher, now: float = 0.0) -> int:
    """Sends as many parts as may be sent; returns how many those were."""
    sent = 0
    while window.is_open(watcher, now):
        window.sent(watcher.client, now)
        sent += 1
        assert sent < 1000
    return sent


def test_no_two_producers_have_the_same_id() -> None:
    assert len({new_producer_id() for _ in range(1000)}) == 1000


# Numbers.


def test_each_topic_is_numbered_from_one_on() -> None:
    numbers = Numbers()
    for number in (1, 2, 3):
        assert numbers.next(CAM1) == number
        numbers.sent(CAM1)
    assert numbers.next(CAM2) == 1
    assert numbers.last(CAM1) == 3
    assert numbers.last(CAM2) is None


def test_what_was_not_sent_leaves_no_gap() -> None:
    numbers = Numbers()
    assert numbers.next(CAM1) == numbers.next(CAM1) == 1
    numbers.sent(CAM1)
    assert numbers.next(CAM1) == 2


def test_the_topic_that_was_used_longest_ago_is_forgotten_first() -> None:
    numbers = Numbers()
    numbers.sent(CAM1)
    for number in range(TOPICS_REMEMBERED - 1):
        numbers.sent(OneClient(f"aaaa-{number}"))
    numbers.sent(CAM1)
    numbers.sent(CAM2)
    assert numbers.last(CAM1) == 2
    assert numbers.last(OneClient("aaaa-0")) is None
    assert numbers.last(OneClient("aaaa-1")) == 1


# The window.


def test_a_client_of_latest_has_no_window() -> None:
    watcher = Watcher(CLIENT, {}, Overload.LATEST, None, 0)
    window = Window()
    for _ in range(100):
        assert window.is_open(watcher, 0.0)
        window.sent(CLIENT, 0.0)


def test_a_client_without_a_window_is_not_held_back() -> None:
    assert Window().is_open(client(window=None), 0.0)


def test_no_more_than_the_window_is_under_way() -> None:
    window = Window()
    assert fill(window, client()) == 4
    assert fill(window, client(delivered=1)) == 1
    assert fill(window, client(delivered=1)) == 0
    assert fill(window, client(delivered=5)) == 4


def test_what_was_delivered_before_our_first_part_was_not_ours() -> None:
    window = Window()
    assert fill(window, client(delivered=100)) == 4
    assert fill(window, client(delivered=102)) == 2


def test_what_others_deliver_never_counts_for_more_than_we_have_under_way() -> None:
    window = Window()
    assert fill(window, client()) == 4
    assert fill(window, client(delivered=1000)) == 4
    assert fill(window, client(delivered=1000)) == 0


def test_a_count_that_falls_changes_nothing() -> None:
    window = Window()
    fill(window, client(delivered=10))
    assert fill(window, client(delivered=3)) == 0
    assert fill(window, client(delivered=11)) == 1


def told(window: Window, name: str = CLIENT) -> None:
    """Fills the window of a client that has had a part, and so knows our numbers."""
    fill(window, client(name=name))
    fill(window, client(name=name, delivered=1))


def test_where_nothing_moves_one_part_more_finds_out_whether_all_were_lost() -> None:
    window = Window()
    told(window)
    assert fill(window, client(delivered=1), now=LOST_AFTER_S - 1) == 0
    assert fill(window, client(delivered=1), now=LOST_AFTER_S) == 1
    # Its number told of the four before it: they count as delivered, and it is taken too.
    assert fill(window, client(delivered=6), now=LOST_AFTER_S + 1) == 4


def test_where_no_part_ever_arrived_all_are_taken_for_lost() -> None:
    window = Window()
    assert fill(window, client(), now=100.0) == 4
    assert fill(window, client(), now=100.0 + LOST_AFTER_S - 1) == 0
    assert fill(window, client(), now=100.0 + LOST_AFTER_S) == 4


def test_a_client_that_rests_for_long_gets_few_parts_beyond_its_window() -> None:
    window = Window()
    told(window)
    more = [fill(window, client(delivered=1), now=minute * 60.0) for minute in range(1, 61)]
    assert sum(more) == 5  # after 1, 3, 7, 15 and 31 minutes
    assert fill(window, client(delivered=10), now=3601.0) == 4


def test_a_client_that_moves_has_its_parts_under_way_however_slow_it_is() -> None:
    window = Window()
    fill(window, client())
    for number in range(1, 20):
        assert fill(window, client(delivered=number), now=number * (LOST_AFTER_S - 1)) == 1


def test_the_time_before_a_part_was_sent_does_not_make_it_lost() -> None:
    window = Window()
    assert window.is_open(client(), 0.0)
    assert fill(window, client(), now=LOST_AFTER_S * 3) == 4
    assert fill(window, client(), now=LOST_AFTER_S * 3 + 1) == 0


def test_after_a_link_broke_one_part_more_finds_out_what_was_lost() -> None:
    window = Window()
    told(window)
    told(window, "bbbb-1")
    window.forget_node("aaaa")
    assert fill(window, client(delivered=1)) == 1
    assert fill(window, client(name="bbbb-1", delivered=1)) == 0


def test_after_a_link_broke_before_anything_arrived_all_are_taken_for_lost() -> None:
    window = Window()
    fill(window, client())
    window.forget_node("aaaa")
    assert fill(window, client()) == 4


def test_a_link_that_breaks_opens_the_window_of_its_node() -> None:
    window = Window()
    names = [f"aaaa-{number}" for number in range(NODE_WINDOW // 4)]
    assert sum(fill(window, client(name=name)) for name in names) == NODE_WINDOW
    window.forget_node("aaaa")
    assert fill(window, client(name="aaaa-99")) == 4


def test_a_client_that_has_left_is_forgotten() -> None:
    window = Window()
    fill(window, client())
    window.forget(CLIENT)
    window.forget(CLIENT)
    assert not window._flows


def test_what_is_sent_to_clients_without_a_window_is_not_remembered() -> None:
    window = Window()
    window.sent(CLIENT, 0.0)
    assert not window._flows


@given(
    size=st.integers(1, 8),
    history=st.lists(st.sampled_from(["send", "deliver", "hear"]), max_size=200),
)
def test_a_producer_that_keeps_to_the_window_never_has_more_under_way(
    size: int, history: list[str]
) -> None:
    window = Window()
    sent = delivered = heard = 0
    for step in history:
        if step == "send" and window.is_open(client(heard, size), 0.0):
            window.sent(CLIENT, 0.0)
            sent += 1
        elif step == "deliver" and delivered < sent:
            delivered += 1
        else:
            heard = delivered
        assert sent - delivered <= size
    assert window.is_open(client(sent, size), 0.0)


@pytest.mark.parametrize("size", [1, 2])
def test_the_smallest_windows_go_on(size: int) -> None:
    window = Window()
    assert fill(window, client(window=size)) == size
    assert fill(window, client(delivered=size, window=size)) == size
