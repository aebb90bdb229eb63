from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Starter

from . import network
from .deployment import Deployment, deployed

RECOVERY = "recovery: "


@pytest.fixture(scope="session")
def networks() -> None:
    """Skips what needs hosts where there can be none."""
    remedy = network.missing()
    if remedy is not None:
        pytest.skip(f"network namespaces: {remedy}")


@pytest.fixture
def deployment(networks: None, start: Starter, tmp_path: Path) -> Iterator[Deployment]:
    with deployed(start, tmp_path) as deployment:
        yield deployment


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str, float], None]:
    """Prints a measured time, and shows it again at the end of the run."""

    def report(what: str, seconds: float) -> None:
        print(f"{what}: {seconds:.2f} s")  # noqa: T201  for -rP
        record_property(RECOVERY + what, round(seconds, 2))

    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    measured = [
        (name.removeprefix(RECOVERY), value)
        for each in terminalreporter.getreports("passed")
        for name, value in each.user_properties
        if name.startswith(RECOVERY)
    ]
    if measured:
        terminalreporter.section("recovery times")
        for what, seconds in measured:
            terminalreporter.write_line(f"{what}: {seconds} s")
