"""Which topics of the frames channel a node takes."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import AllClients, is_stream_name
from streamer.channels.subscriptions import LINGER_S, WatchedStreams, of_patterns


@pytest.mark.parametrize(
    ("patterns", "topics"),
    [
        (["*"], [b"all/"]),
        (["cam1"], [b"all/cam1/"]),
        (["cam*"], [b"all/cam"]),
        (["cam?", "door"], [b"all/cam", b"all/door/"]),
        (["cam[12]"], [b"all/cam"]),
        (["cam1", "cam1", "cam10"], [b"all/cam1/", b"all/cam10/"]),
        (["cam1", "cam*"], [b"all/cam"]),
        (["cam1", "*"], [b"all/"]),
        ([], []),
    ],
)
def test_patterns_are_covered_by_as_few_prefixes_as_may_be(
    patterns: list[str], topics: list[bytes]
) -> None:
    assert of_patterns(patterns) == topics


NAMES = st.from_regex(r"[a-c1][a-c1.-]{0,4}", fullmatch=True)
PATTERNS = st.lists(st.from_regex(r"[a-c1*?\[\].-]{1,5}", fullmatch=True), max_size=4)


@given(PATTERNS, NAMES)
def test_no_allowed_stream_is_missed(patterns: list[str], name: str) -> None:
    assert is_stream_name(name)
    if any(fnmatchcase(name, each) for each in patterns):
        topic = AllClients(name).topic
        assert any(topic.startswith(each) for each in of_patterns(patterns))


def test_a_stream_is_taken_when_it_is_watched() -> None:
    streams = WatchedStreams()
    assert streams.update(["cam1"], 0.0) == (["cam1"], [])
    assert streams.update(["cam1", "cam2"], 1.0) == (["cam2"], [])
    assert streams.update(["cam1", "cam2"], 2.0) == ([], [])


def test_a_stream_is_still_taken_a_while_after_its_last_viewer_left() -> None:
    streams = WatchedStreams()
    streams.update(["cam1"], 10.0)
    assert streams.update([], 10.0 + LINGER_S - 0.1) == ([], [])
    assert streams.update([], 10.0 + LINGER_S) == ([], ["cam1"])
    assert streams.update([], 99.0) == ([], [])


def test_a_page_that_is_reloaded_finds_the_stream_running() -> None:
    streams = WatchedStreams(linger_s=2.0)
    streams.update(["cam1"], 0.0)
    streams.update([], 1.0)
    assert streams.update(["cam1"], 1.5) == ([], [])
    assert streams.update([], 3.0) == ([], [])
    assert streams.update([], 3.5) == ([], ["cam1"])
    assert streams.update(["cam1"], 4.0) == (["cam1"], [])
