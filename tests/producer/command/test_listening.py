"""Events as lines of JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from producer.channels import EVENTS_AT_ONCE
from producer.command import listening
from producer.command.listening import Listener, as_line
from producer.command.settings import EventsSettings
from protocol import (
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Goodbye,
    Heartbeat,
    NewConnection,
    NoConnection,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
)
from tests.producer.async_meeting import eventually
from tests.producer.fake_streamer import FakeStreamer

QUERY = MappingProxyType({"from": "3"})


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            NewConnection("cam1", "ab12-1", 1, "127.0.0.1:5", QUERY, Overload.QUEUE, 16),
            {
                "type": "new_connection",
                "stream": "cam1",
                "client": "ab12-1",
                "connections": 1,
                "peer": "127.0.0.1:5",
                "query": {"from": "3"},
                "overload": "queue",
                "window": 16,
            },
        ),
        (
            ClosedConnection("cam1", "ab12-1", 0, CloseReason.LOST, 1.5, 2, 3, 4, 5),
            {
                "type": "closed_connection",
                "stream": "cam1",
                "client": "ab12-1",
                "connections": 0,
                "reason": "lost",
                "duration": 1.5,
                "parts": 2,
                "bytes": 3,
                "skipped": 4,
                "repeats": 5,
            },
        ),
        (NoConnection("cam1"), {"type": "no_connection", "stream": "cam1", "connections": 0}),
        (
            Credit("cam1", "ab12-1", 7),
            {"type": "credit", "stream": "cam1", "client": "ab12-1", "delivered": 7},
        ),
        (
            Snapshot("cam1", 1, (Watcher("ab12-1", QUERY, Overload.LATEST, None, 9),)),
            {
                "type": "snapshot",
                "stream": "cam1",
                "connections": 1,
                "clients": [
                    {
                        "client": "ab12-1",
                        "query": {"from": "3"},
                        "overload": "latest",
                        "window": None,
                        "delivered": 9,
                    }
                ],
            },
        ),
        (
            Heartbeat(1.0, {"cam1": StreamState(1, Status.BLUE, 2, 3, 4)}),
            {
                "type": "heartbeat",
                "interval": 1.0,
                "streams": {
                    "cam1": {
                        "connections": 1,
                        "status": "blue",
                        "parts": 2,
                        "skipped": 3,
                        "bytes": 4,
                    }
                },
            },
        ),
        (Goodbye(), {"type": "goodbye"}),
    ],
)
def test_every_event_is_a_line_of_json_under_the_names_of_the_wire(
    event: Event, line: dict[str, Any]
) -> None:
    text = as_line("ab12", 5, 1_700_000_000_000_000_000, event)
    assert "\n" not in text
    common = {"node": "ab12", "seq": 5, "time": 1_700_000_000_000_000_000}
    assert json.loads(text) == common | line


def test_a_flood_of_events_is_written_without_a_wait(
    streamer: FakeStreamer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LOOK_S", 600.0)  # who waits for a look waits too long
    number = 4 * EVENTS_AT_ONCE
    listener = Listener(EventsSettings(frames=streamer.frames_at, events=streamer.events_at))
    path = tmp_path / "events"

    async def run() -> None:
        streamer.wait_for_question("event/")
        for count in range(number):
            streamer.credit("cam1", "aaaa-1", count)
        streamer.pause(0.2)  # all of them have arrived: nothing will become readable any more
        with path.open("w") as out:
            running = asyncio.create_task(listener.run(out))
            await eventually(streamer, lambda: path.read_text().count("\n") == number, "every line")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    try:
        asyncio.run(run())
    finally:
        listener.close()
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == list(
        range(1, number + 1)
    )
