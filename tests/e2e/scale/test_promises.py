"""The table of promises and the tests that show them say the same, word for word."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROMISES = Path(__file__).parents[3] / "deploy" / "PROMISES.md"
_ROW = re.compile(
    r"\| (guaranteed|best effort) \| (.+) "
    r"\| \[`(test_\w+)`\]\(\.\./tests/e2e/scale/(test_\w+\.py)\) \|"
)


def _rows() -> dict[tuple[str, str], str]:
    """Returns the promise of each row, by file and name of its test."""
    found = [_ROW.fullmatch(line) for line in PROMISES.read_text().splitlines() if _is_row(line)]
    assert None not in found, "a row that is none: | guaranteed | promise | [`test`](file) |"
    return {(row[4], row[3]): row[2] for row in found if row is not None}


def _is_row(line: str) -> bool:
    return line.startswith("| ") and not line.startswith(("| | ", "| --- "))


def _docstrings() -> dict[tuple[str, str], str]:
    """Returns the docstring of each test that has one, by file and name."""
    return {
        (path.name, node.name): " ".join(text.split())
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if (text := ast.get_docstring(node))
    }


@pytest.mark.parametrize(("file", "test"), sorted(_rows()))
def test_a_promise_is_the_docstring_of_the_test_that_it_names(file: str, test: str) -> None:
    assert _docstrings().get((file, test)) == _rows()[file, test]


def test_every_test_that_promises_stands_in_the_table() -> None:
    assert sorted(_docstrings()) == sorted(_rows())


@pytest.mark.parametrize(
    "failure",
    ["client", "producer", "node", "worker", "relay", "link", "flood", "malformed", "processor"],
)
def test_every_kind_of_failure_has_its_promise(failure: str) -> None:
    assert any(failure in promise for promise in _rows().values())
