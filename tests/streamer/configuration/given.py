"""Settings as a file gives them, and what is said of those that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.configuration.checks import SettingsError
from streamer.configuration.settings import Settings, from_sources


def from_file(**file: Any) -> Settings:
    return from_sources({}, {}, file)


def refusal(**file: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        from_file(**file)
    text = str(caught.value)
    assert "\n" not in text
    return text
