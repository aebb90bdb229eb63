from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from .processes import Starter, close_sockets, starting


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with starting(tmp_path) as starter:
        yield starter
    close_sockets()


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(0)
