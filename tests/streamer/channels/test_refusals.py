"""Refused messages are counted one by one, and logged at a limited rate."""

from __future__ import annotations

import logging

import msgpack
import pytest

from protocol import MalformedError, Refusal
from streamer.channels.refusals import LOG_EVERY_S, MOST_TOPICS, RefusalLog

BAD = MalformedError(Refusal.BAD_TOPIC, "bad topic")
LARGE = MalformedError(Refusal.TOO_LARGE, "too large")
IMAGE = MalformedError(Refusal.BAD_IMAGE, "no JPEG")


class Noted:
    """A log of refusals, and its clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.log = RefusalLog(lambda: self.now, 1_000)

    def __call__(self, error: MalformedError, *parts: bytes) -> str | None:
        return self.log.note(error, parts)


@pytest.fixture
def noted() -> Noted:
    return Noted()


def message(topic: bytes, **header: object) -> tuple[bytes, bytes, bytes]:
    return topic, msgpack.packb(header) if header else b"", b"body"


def test_the_first_refusal_is_logged_with_its_reason_and_text(noted: Noted) -> None:
    assert noted(BAD) == "reason=bad_topic messages=1 text='bad topic'"


def test_a_line_tells_of_which_topic_and_producer_the_message_is(noted: Noted) -> None:
    line = noted(LARGE, *message(b"all/cam1/", producer="door"))
    expected = "topic='all/cam1/' producer='door' messages=1 text='too large'"
    assert line == f"reason=too_large {expected}"


def test_a_bad_image_comes_with_what_its_producer_may_have_forgotten(noted: Noted) -> None:
    line = noted(IMAGE, *message(b"all/cam1/"))
    assert line is not None
    assert line.endswith(" text='no JPEG' hint='say content_type where it is no JPEG'")


def test_a_flood_of_refusals_is_one_line_in_a_while_that_counts_them(noted: Noted) -> None:
    said = []
    for _ in range(2000):
        said.append(noted(BAD, b"all/cam1"))
        noted.now += 1 / 64
    lines = [each for each in said if each is not None]
    assert [line.split()[2] for line in lines] == ["messages=1", *["messages=640"] * 3]
    assert noted.log.counts[Refusal.BAD_TOPIC] == 2000


def test_each_reason_has_a_line_of_its_own(noted: Noted) -> None:
    assert noted(BAD) is not None
    assert noted(LARGE) is not None
    noted.now += LOG_EVERY_S / 2
    assert noted(LARGE) is None
    assert noted.log.counts == {Refusal.BAD_TOPIC: 1, Refusal.TOO_LARGE: 2}


def test_one_stream_does_not_hide_what_is_wrong_with_another(noted: Noted) -> None:
    for _ in range(3):
        noted(IMAGE, *message(b"all/cam1/"))
    line = noted(IMAGE, *message(b"all/cam2/"))
    assert line is not None
    assert "topic='all/cam2/' messages=1 " in line


def test_topics_without_end_are_no_flood_of_log_and_fill_no_memory(noted: Noted) -> None:
    lines = [noted(BAD, b"all/%d" % number) for number in range(10_000)]
    said = [each for each in lines if each is not None]
    assert len(said) == MOST_TOPICS + 1
    assert "topics=several" in said[-1]
    assert noted.log.counts[Refusal.BAD_TOPIC] == 10_000
    noted.now += LOG_EVERY_S
    lines = [noted(BAD, b"one/%d" % number) for number in range(10_000)]
    said = [each for each in lines if each is not None]
    assert len(said) == MOST_TOPICS + 1
    assert f"messages={10_000 - MOST_TOPICS} topics=several" in said[-1]
    assert len(noted.log._said) == MOST_TOPICS


def test_a_new_topic_has_its_line_again_when_others_have_fallen_silent(noted: Noted) -> None:
    for number in range(1000):
        noted(BAD, b"all/%d" % number)
    assert noted(BAD, b"all/cam1") is None
    noted.now += LOG_EVERY_S
    line = noted(BAD, b"all/cam1")
    assert line is not None
    assert "topic='all/cam1' messages=1 text=" in line


@pytest.mark.parametrize(
    "parts",
    [
        (b"\xff\x1b[31m\n" * 100_000, b"", b""),
        (b"all/cam1/", msgpack.packb({"producer": "a\nb\x1b[31m" * 1_000}), b""),
        (b"all/cam1/", msgpack.packb({"producer": [[["x" * 1_000] * 100]]}), b""),
        (b"all/cam1/", b"\xc1", b""),
        (b"all/cam1/", b"\xdf\xff\xff\xff\xff", b""),
        (b"", b"x"),
        (b"", b"x", b"y", b"z"),
    ],
)
def test_a_hostile_message_stays_on_one_short_line(noted: Noted, parts: tuple[bytes, ...]) -> None:
    line = noted(MalformedError(Refusal.BAD_TYPE, "a\nb\x1b[31m"), *parts)
    assert line is not None
    assert line.isprintable()
    assert len(line) < 300


def test_a_message_and_a_connection_that_was_cut_are_logged_alike(
    noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        noted.log.refuse(BAD, [b"all/cam1"])
        noted.log.refuse(BAD, [b"all/cam1"])
        noted.log.refuse_peer("127.0.0.1:5")
    first, second = [each.getMessage() for each in caplog.records]
    assert first == "refused reason=bad_topic topic='all/cam1' messages=1 text='bad topic'"
    assert second.startswith("refused reason=too_large messages=1 text='the connection of 127.0.")
