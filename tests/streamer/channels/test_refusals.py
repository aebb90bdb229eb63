"""Refused messages are counted one by one, and logged at a limited rate."""

from __future__ import annotations

from protocol import MalformedError, Refusal
from streamer.channels.refusals import LOG_EVERY_S, RefusalLog

BAD = MalformedError(Refusal.BAD_TOPIC, "bad topic")
LARGE = MalformedError(Refusal.TOO_LARGE, "too large")


def test_the_first_refusal_is_logged_with_its_reason_and_text() -> None:
    assert RefusalLog().note(BAD, 0.0) == "reason=bad_topic messages=1 text='bad topic'"


def test_a_flood_of_refusals_is_one_line_in_a_while_that_counts_them() -> None:
    log = RefusalLog()
    lines = [log.note(BAD, 100 + number / 100) for number in range(2000)]
    said = [each for each in lines if each is not None]
    assert len(said) == 2
    assert "messages=1 " in said[0]
    assert f"messages={int(LOG_EVERY_S * 100)} " in said[1]
    assert log.counts[Refusal.BAD_TOPIC] == 2000


def test_each_reason_has_a_line_of_its_own() -> None:
    log = RefusalLog()
    assert log.note(BAD, 0.0) is not None
    assert log.note(LARGE, 0.0) is not None
    assert log.note(LARGE, 1.0) is None
    assert log.counts == {Refusal.BAD_TOPIC: 1, Refusal.TOO_LARGE: 2}


def test_a_hostile_text_stays_on_one_line() -> None:
    line = RefusalLog().note(MalformedError(Refusal.BAD_TYPE, "a\nb\x1b[31m"), 0.0)
    assert line is not None
    assert line.isprintable()
