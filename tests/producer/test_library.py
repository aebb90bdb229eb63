"""What a program gets from `producer`, and when it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import producer as library


def ask(*lines: str) -> str:
    """Returns what a fresh interpreter prints."""
    words = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_nothing_is_imported_that_was_not_asked_for() -> None:
    assert ask("import producer, sys", "print('zmq' in sys.modules)") == "False"


def test_everything_can_be_imported_by_its_name_or_at_once() -> None:
    names = ", ".join(library.__all__)
    assert ask(f"from producer import {names}", "print(Producer.__name__)") == "Producer"
    found = ask("from producer import *", "print(sorted(x for x in dir() if x[0] != '_'))")
    assert found == str(sorted(library.__all__))


def test_a_shell_completes_the_names() -> None:
    assert set(library.__all__) <= set(dir(library))


def test_what_is_not_there_is_told_as_for_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'producer' has no attribute 'Nothing'"):
        library.Nothing  # type: ignore[attr-defined]  # noqa: B018
