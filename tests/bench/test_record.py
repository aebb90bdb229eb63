"""The record: what was measured is kept, and can be read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.record import load_record

from .records import measured, record_of


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    record = record_of("light", {"partcast": [{"x": 1.25, "case": "1", "list": [[1, 2.5]]}]})
    record.measurements.append(measured("light", "nchan", 1, [], error="no answer"))
    record.save(tmp_path / "deep" / "record.json")
    assert load_record(tmp_path / "deep" / "record.json") == record


def test_it_is_json_that_any_program_reads(tmp_path: Path) -> None:
    record_of("light", {"partcast": [{"x": float("inf"), "y": float("nan")}]}).save(
        tmp_path / "record.json"
    )

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (tmp_path / "record.json").read_text()
    values = json.loads(text, parse_constant=refuse)
    assert values["measurements"][0]["rows"] == [{"x": None, "y": None}]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match="not a record of format 1"):
        load_record(tmp_path / "record.json")
