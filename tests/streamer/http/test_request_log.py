"""Answers are logged at a limited rate."""

from __future__ import annotations

import logging

import pytest

from tests.streamer.http.served import Served
from tests.streamer.http.viewer import Ask

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_crowd_that_is_refused_is_no_flood_of_log(
    ask: Ask, served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamer.http.request_log")
    monkeypatch.setattr("streamer.http.request_log.LOG_EVERY_S", 60.0)
    for number in range(20):
        assert (await ask(f"/streams/.bad{number}")).status == 404
    assert (await ask("/streams/cam1", method="POST")).status == 405
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("answered status=404 method=GET uri='/streams/.bad0'")
    assert said[1].startswith("answered status=405 method=POST")
    monkeypatch.setattr("streamer.http.request_log.LOG_EVERY_S", 0.0)
    assert (await ask("/streams/.last")).status == 404
    assert caplog.records[-1].getMessage().endswith("requests=20")
    assert served.events == []
