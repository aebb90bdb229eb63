"""When a snapshot is asked for."""

from __future__ import annotations

import itertools
import random

from producer.asking import AGAIN_AFTER_S, FIRST_AFTER_S, MOST_AGAIN_AFTER_S, SPREAD, Asking

TICK_S = 0.01


def ask_times(asking: Asking, doubted: set[str], seconds: float, begin: float = 0.0) -> list[float]:
    ticks = (begin + number * TICK_S for number in range(int(seconds / TICK_S)))
    return [now for now in ticks if asking.due(doubted, now)]


def test_the_first_question_waits_for_an_answer_that_may_be_on_its_way() -> None:
    asking = Asking(random.Random(1))
    (first,) = ask_times(asking, {"cam1"}, 0.5)
    assert FIRST_AFTER_S[0] <= first <= FIRST_AFTER_S[1] + TICK_S


def test_doubt_that_is_over_before_the_question_is_due_is_no_question() -> None:
    asking = Asking(random.Random(1))
    assert asking.due({"cam1"}, 0.0) == []
    assert asking.due(set(), 0.04) == []
    assert ask_times(asking, set(), 5.0, begin=0.05) == []


def test_without_an_answer_it_is_asked_again_at_growing_intervals() -> None:
    times = ask_times(Asking(random.Random(1)), {"cam1"}, 60.0)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert AGAIN_AFTER_S <= waits[0] <= AGAIN_AFTER_S * SPREAD + TICK_S
    assert waits[2] > 3 * AGAIN_AFTER_S
    assert max(waits) <= MOST_AGAIN_AFTER_S * SPREAD + TICK_S
    assert len(waits) > 5


def test_an_answer_makes_the_next_doubt_a_fresh_one_but_not_at_once() -> None:
    asking = Asking(random.Random(1))
    asked = ask_times(asking, {"cam1"}, 10.0)[-1]
    while not asking.due({"cam1"}, asked):
        asked += TICK_S
    assert asking.due(set(), asked + TICK_S) == []
    again = ask_times(asking, {"cam1"}, 30.0, begin=asked + 2 * TICK_S)
    assert again[0] - asked >= AGAIN_AFTER_S
    assert again[1] - again[0] <= AGAIN_AFTER_S * SPREAD + TICK_S


def test_what_was_answered_long_ago_is_forgotten() -> None:
    asking = Asking(random.Random(1))
    ask_times(asking, {f"cam{number}" for number in range(100)}, 1.0)
    asking.due(set(), 100.0)
    assert not asking._questions


def test_each_stream_is_asked_for_by_itself() -> None:
    asking = Asking(random.Random(1))
    asking.due({"cam1", "cam2"}, 0.0)
    assert asking.due({"cam1", "cam2"}, 0.3) == ["cam1", "cam2"]
    assert asking.due({"cam1", "cam2", "cam3"}, 0.4) == []
    assert asking.due({"cam1", "cam2", "cam3"}, 0.7) == ["cam3"]


def test_many_producers_do_not_ask_in_step() -> None:
    times = [ask_times(Asking(random.Random(seed)), {"cam1"}, 2.0)[:2] for seed in range(20)]
    assert len({first for first, _ in times}) > 5
    assert len({round(second - first, 2) for first, second in times}) > 5
