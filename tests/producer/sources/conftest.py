from __future__ import annotations

import logging

import pytest

from producer.sources import reconnect


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.fixture
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first picture is enough for a source to count as back."""
    monkeypatch.setattr(reconnect, "SETTLED_S", 0.0)
