"""Settings come from options, environment and file, by the same names in all three."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from streamer.configuration import options
from streamer.configuration.checks import SettingsError
from streamer.configuration.options import from_sources, read_file, read_options, setting
from streamer.configuration.settings import Settings
from streamer.relay.settings import RelaySettings


@dataclass(frozen=True)
class Sample:
    name: str = setting("nobody", "a text")
    empty: str = setting("", "an empty text")
    number: int = setting(1, "a number, 100 % whole")
    pause_s: float = setting(0.5, "some seconds")
    flag: bool = setting(False, "a switch")
    urls: tuple[str, ...] = setting((), "some texts", "URL,...")
    names: tuple[str, ...] = setting(("a", "b"), "some more")
    tables: tuple[str, ...] = ()


def sources(
    given: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    file: dict[str, Any] | None = None,
) -> Sample:
    tables = {"tables": tuple}
    return from_sources(Sample, given or {}, environment or {}, file or {}, tables)


def given(*arguments: str) -> tuple[dict[str, str], str | None]:
    return read_options(Sample, "sample", "A sample.", list(arguments))


def test_each_source_goes_over_the_next() -> None:
    option, variable, file = {"name": "option"}, {"PARTCAST_NAME": "variable"}, {"name": "file"}
    assert sources(option, variable, file).name == "option"
    assert sources({}, variable, file).name == "variable"
    assert sources({}, {}, file).name == "file"
    assert sources().name == "nobody"


def test_each_setting_is_taken_from_its_own_source() -> None:
    found = sources({"number": "7"}, {"PARTCAST_PAUSE_S": "2"}, {"flag": True, "urls": ["x", "y"]})
    assert found == Sample(number=7, pause_s=2.0, flag=True, urls=("x", "y"))


def test_a_table_of_the_file_is_made_by_its_own_reader() -> None:
    assert sources(file={"tables": ["x"]}).tables == ("x",)


def test_a_table_is_neither_an_option_nor_a_variable() -> None:
    assert sources({}, {"PARTCAST_TABLES": "x"}).tables == ()
    with pytest.raises(SettingsError):
        given("--tables", "x")


def test_an_unknown_key_is_named_with_all_that_are_allowed() -> None:
    with pytest.raises(SettingsError) as caught:
        sources(file={"nmae": "x"})
    assert str(caught.value) == (
        "unknown key nmae: allowed are tables, name, empty, number, pause_s, flag, urls, names"
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "any text", "any text"),
        ("name", "", ""),
        ("number", "-3", -3),
        ("pause_s", "1.25", 1.25),
        ("pause_s", "3", 3.0),
        ("flag", "TRUE", True),
        ("flag", "yes", True),
        ("flag", "1", True),
        ("flag", "no", False),
        ("flag", "0", False),
        ("flag", "False", False),
        ("urls", "x, y,,z ", ("x", "y", "z")),
        ("urls", "", ()),
    ],
)
def test_an_option_and_a_variable_spell_a_value_alike(name: str, text: str, value: object) -> None:
    assert getattr(sources({name: text}), name) == value
    assert getattr(sources({}, {f"PARTCAST_{name.upper()}": text}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("number", "many", "number = 'many': allowed is a whole number"),
        ("number", "1.5", "number = '1.5': allowed is a whole number"),
        ("number", "", "number = '': allowed is a whole number"),
        ("pause_s", "soon", "pause_s = 'soon': allowed is a number of seconds"),
        ("flag", "maybe", "flag = 'maybe': allowed is true or false"),
    ],
)
def test_a_text_that_spells_no_value_is_named_with_what_is_allowed(
    name: str, text: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        sources({name: text})
    assert str(caught.value) == message
    with pytest.raises(SettingsError) as caught:
        sources({}, {f"PARTCAST_{name.upper()}": text})
    assert str(caught.value) == f"PARTCAST_{name.upper()}: {message}"


def test_other_variables_of_the_environment_are_none_of_ours() -> None:
    assert sources({}, {"NAME": "x", "PARTCAST_OTHER": "x", "PATH": "/bin"}) == Sample()


def test_options_are_spelled_with_dashes() -> None:
    assert given("--pause-s", "3", "--name=x", "--urls", "a,b") == (
        {"pause_s": "3", "name": "x", "urls": "a,b"},
        None,
    )


def test_what_is_not_given_is_left_to_the_other_sources() -> None:
    assert given() == ({}, None)


def test_a_switch_needs_no_value() -> None:
    assert given("--flag")[0] == {"flag": "true"}
    assert given("--flag", "--name", "x")[0] == {"flag": "true", "name": "x"}
    assert given("--flag", "no")[0] == {"flag": "no"}


def test_the_file_is_an_option_that_is_no_setting() -> None:
    assert given("--config", "a.toml", "--name", "x") == ({"name": "x"}, "a.toml")


@pytest.mark.parametrize(
    "arguments", [["--nmae", "x"], ["--name"], ["x"], ["--nam", "x"], ["--flag", "a", "b"]]
)
def test_bad_usage_is_one_line(arguments: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        given(*arguments)
    assert "\n" not in str(caught.value)
    assert "--help" in str(caught.value)


def test_help_lists_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        given("--help")
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for line in (
        "--config FILE",
        "--version",
        "a text (default nobody)",
        "an empty text (default none)",
        "--number N a number, 100 % whole (default 1)",
        "--pause-s SECONDS some seconds (default 0.5)",
        "--flag [true|false] a switch (default false)",
        "--urls URL,... some texts (default none)",
        "some more (default a,b)",
        "PARTCAST_<NAME>",
    ):
        assert line in shown


def test_help_says_what_a_default_amounts_to(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in (Settings, RelaySettings):
        with pytest.raises(SystemExit):
            read_options(kind, "sample", "A sample.", ["--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert "(default tcp://127.0.0.1:5555" in shown
        assert "VALUE" not in shown
        assert ") (default" not in shown


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        given("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"sample {version('partcast')}\n"


def test_a_file_is_toml(tmp_path: Path) -> None:
    path = tmp_path / "partcast.toml"
    path.write_text('name = "x"\n[streams."cam*"]\nwindow = 3\n')
    assert read_file(str(path)) == {"name": "x", "streams": {"cam*": {"window": 3}}}


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_file_nothing_is_read(path: str | None) -> None:
    assert read_file(path) == {}


@pytest.mark.parametrize("content", [b"name = ", b"= 5", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "partcast.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read_file(str(path))
    assert str(caught.value).startswith(f"config {path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_file(str(tmp_path / "none.toml"))
    assert str(caught.value) == f"config {tmp_path / 'none.toml'}: No such file or directory"
    with pytest.raises(SettingsError, match="Is a directory"):
        read_file(str(tmp_path))


def test_only_fields_with_a_help_are_options() -> None:
    assert [each.name for each in options.options(Sample)] == [
        "name",
        "empty",
        "number",
        "pause_s",
        "flag",
        "urls",
        "names",
    ]
