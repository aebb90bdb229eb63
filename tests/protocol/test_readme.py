"""The README beside the code: its scripts run, and its tables leave nothing out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import zmq

from protocol import (
    EVENTS_PRODUCER_SIDE,
    EVENTS_STREAMER_SIDE,
    FRAMES_PRODUCER_SIDE,
    FRAMES_STREAMER_SIDE,
    CloseReason,
    Overload,
    Refusal,
    Status,
)
from tests.e2e.processes import (
    Command,
    Starter,
    Viewer,
    close_sockets,
    jpeg,
    number_of,
    starting,
)

from .test_vectors import VECTORS

README = resources.files("protocol").joinpath("README.md").read_text(encoding="utf-8")
SHORTEST, LOSSLESS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
# The first column of every table, a name at a time.
LISTED = {
    name
    for line in README.splitlines()
    if line.startswith("| ")
    for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with starting(tmp_path) as starter:
        yield starter
    close_sockets()


def script(text: str, streamer: Command) -> list[str]:
    """Returns the command that runs a script of the README with a streamer's endpoints."""
    for default, name in ((FRAMES_PRODUCER_SIDE, "frames"), (EVENTS_PRODUCER_SIDE, "events")):
        text = text.replace(default, streamer.addresses[name])
    return [sys.executable, "-c", text]


def test_the_shortest_producer_publishes_a_picture(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(jpeg(1))
    streamer = start.streamer()
    viewer = Viewer(streamer.port, "/streams/cam1")
    subprocess.run([*script(SHORTEST, streamer), str(tmp_path / "picture.jpg")], check=True)
    assert [number_of(part.body) for part in viewer.parts(1)] == [1]


def test_the_lossless_producer_plays_the_whole_clip_to_each_client(
    start: Starter, tmp_path: Path
) -> None:
    (tmp_path / "clip").mkdir()
    for number in range(40):  # more than the systems between would take in
        (tmp_path / "clip" / f"{number:02d}.jpg").write_bytes(jpeg(number, 250_000))
    streamer = start.streamer(
        config='[streams."clip"]\noverload = "queue"\nwindow = 3\nqueue_bytes = 1000000\n'
    )
    early = Viewer(streamer.port, "/streams/clip", receive_buffer=4096)
    with subprocess.Popen(script(LOSSLESS, streamer), cwd=tmp_path) as producer:
        try:
            late = Viewer(streamer.port, "/streams/clip")
            for viewer in (late, early):
                assert [number_of(part.body) for part in viewer.rest()] == list(range(40))
        finally:
            producer.terminate()


@pytest.mark.parametrize("member", [*Refusal, *Status, *Overload, *CloseReason])
def test_every_word_of_a_closed_set_is_explained(member: str) -> None:
    assert (f"`{member}`" in README) == (member != CloseReason.LOST)


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_has_its_line(reason: Refusal) -> None:
    assert reason in LISTED


def test_every_key_of_a_header_and_of_an_event_has_its_line() -> None:
    keys = {key for vector in VECTORS["messages"] for key in vector["message"]}
    assert keys - {"address", "body"} <= LISTED
    notices = [vector["notice"] for vector in VECTORS["notices"]]
    assert {key for notice in notices for key in notice} <= LISTED
    assert {notice["type"] for notice in notices} <= LISTED


def test_the_endpoints_are_those_of_the_code() -> None:
    for endpoint in (
        FRAMES_PRODUCER_SIDE,
        EVENTS_PRODUCER_SIDE,
        FRAMES_STREAMER_SIDE,
        EVENTS_STREAMER_SIDE,
    ):
        assert f"| `{endpoint}` |" in README


def test_the_readme_says_what_xpub_is_shown(start: Starter) -> None:
    streamer = start.streamer()
    with zmq.Context() as context, context.socket(zmq.XPUB) as frames:
        frames.connect(streamer.addresses["frames"])
        changes = {frames.recv(), frames.recv()}
    assert b"\x01all/" in changes
    assert any(each.startswith(b"\x01one/") and each.endswith(b"-") for each in changes)
