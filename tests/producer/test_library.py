"""What a program gets from `producer`, and when it is imported."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

import producer as library

SOURCES = Path(library.__file__).parent


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


def imported() -> set[str]:
    """Returns the names of all packages that the library imports anywhere."""
    trees = [ast.parse(path.read_text()) for path in SOURCES.rglob("*.py")]
    found: set[str] = set()
    for node in chain.from_iterable(ast.walk(tree) for tree in trees):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_what_is_imported_is_installed_for_its_own_sake() -> None:
    project = tomllib.loads((SOURCES.parent / "pyproject.toml").read_text())["project"]
    asked_for = [*project["dependencies"], *project["optional-dependencies"]["video"]]
    declared = {re.split(r"[\[<>=]", each)[0] for each in asked_for}
    installed_by = packages_distributions()
    others = imported() - sys.stdlib_module_names - {"producer", "protocol"}
    assert {installed_by[each][0].lower() for each in others} <= declared
