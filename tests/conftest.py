from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def temporary_files_of_processes() -> Iterator[None]:
    """Gives processes a folder for what they leave behind when a test kills them."""
    tempfile.gettempdir()  # stays where it is for pytest, which keeps its folders for a look
    with (
        tempfile.TemporaryDirectory(prefix="partcast-tests-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("TMPDIR", folder)
        yield
