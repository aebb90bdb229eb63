"""A setting that is wrong is named, with what is allowed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from streamer.configuration.checks import (
    SettingsError,
    check_choice,
    check_endpoint,
    check_flag,
    check_headers,
    check_int,
    check_line,
    check_seconds,
    check_texts,
    split_host_port,
)

NONE_TAKEN: frozenset[str] = frozenset()


def wrong(text: str) -> Any:
    """Expects one line that holds a text."""
    return pytest.raises(SettingsError, match=f"^[^\n]*{re.escape(text)}[^\n]*$")


@pytest.mark.parametrize("value", [1, 5, 9])
def test_whole_numbers_in_their_range_are_taken(value: int) -> None:
    assert check_int("key", value, 1, 9) == value


@pytest.mark.parametrize("value", [0, 10, True, 5.0, "5", None, [5]])
def test_other_values_are_no_whole_numbers(value: object) -> None:
    with wrong(f"key = {value!r}: allowed is a whole number from 1 to 9"):
        check_int("key", value, 1, 9)


@pytest.mark.parametrize("value", [0, 0.5, 9])
def test_seconds_may_be_whole_or_not(value: float) -> None:
    found = check_seconds("key", value, 0, 9)
    assert found == value
    assert isinstance(found, float)


@pytest.mark.parametrize("value", [-0.1, 9.1, float("nan"), float("inf"), True, "5", None])
def test_other_values_are_no_seconds(value: object) -> None:
    with wrong(f"key = {value!r}: allowed is a number of seconds from 0 to 9"):
        check_seconds("key", value, 0, 9)


def test_a_choice_is_one_of_those() -> None:
    assert check_choice("key", "a", ("a", "b")) == "a"


@pytest.mark.parametrize("value", ["c", "", None, 5, ["a"], {}])
def test_what_is_no_choice_is_told_all_of_them(value: object) -> None:
    with wrong(f'key = {value!r}: allowed is "a" or "b"'):
        check_choice("key", value, ("a", "b"))


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b")])
def test_a_list_of_texts_becomes_a_tuple(value: object) -> None:
    assert check_texts("key", value, "a list") == ("a", "b")


@pytest.mark.parametrize("value", ["a", 5, None, ["a", 5], {"a": "b"}])
def test_what_is_no_list_of_texts_is_refused(value: object) -> None:
    with wrong(f"key = {value!r}: allowed is a list"):
        check_texts("key", value, "a list")


@pytest.mark.parametrize("value", ["127.0.0.1:8080", "localhost:0", "0.0.0.0:80", "[::1]:65535"])
def test_a_host_and_a_port_are_parted(value: str) -> None:
    host, port = split_host_port("http", value)
    assert (host, port) == {
        "127.0.0.1:8080": ("127.0.0.1", 8080),
        "localhost:0": ("localhost", 0),
        "0.0.0.0:80": ("0.0.0.0", 80),
        "[::1]:65535": ("::1", 65535),
    }[value]


@pytest.mark.parametrize(
    "value",
    [
        "8080",
        "host",
        "host:",
        "host:x",
        "host:65536",
        "::1:80",
        "[::1]",
        "a:b:80",
        "",
        8080,
        None,
        ":80",
        "[]:80",
        "a..b:80",
        ".local:80",
        f"{'a' * 64}:80",
        "\udcff:80",
    ],
)
def test_what_is_no_host_and_port_is_refused(value: object) -> None:
    with wrong(f"http = {value!r}: allowed is HOST:PORT"):
        split_host_port("http", value)


def test_all_addresses_have_to_be_named() -> None:
    with wrong("http = ':80': allowed is HOST:PORT, as 127.0.0.1:8080, [::1]:0, or 0.0.0.0:8080 "):
        split_host_port("http", ":80")


@pytest.mark.parametrize(
    "value",
    ["tcp://127.0.0.1:5555", "tcp://[::1]:65535", "tcp://eth0:1", "ipc:///run/x", "inproc://x"],
)
def test_an_endpoint_is_one_of_zeromq(value: str) -> None:
    assert check_endpoint("frames", value, "tcp://host:1", bound=True) == value
    assert check_endpoint("frames", value, "tcp://host:1", bound=False) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "127.0.0.1:5555",
        "http://x",
        "tcp://",
        "tcp://a b",
        "tcp://a",
        "tcp://a:b",
        "tcp://:1",
        5,
    ],
)
def test_other_urls_are_no_endpoints(value: object) -> None:
    for bound in (True, False):
        with wrong(f"frames = {value!r}: allowed is a ZeroMQ endpoint, as tcp://host:1"):
            check_endpoint("frames", value, "tcp://host:1", bound=bound)


@pytest.mark.parametrize("value", ["tcp://*:0", "tcp://127.0.0.1:*"])
def test_any_free_port_can_be_bound_and_none_connected_to(value: str) -> None:
    assert check_endpoint("frames", value, "tcp://host:1", bound=True) == value
    allowed = "a ZeroMQ endpoint with a port of 1 to 65535, as tcp://host:1"
    with wrong(f"frames = {value!r}: allowed is {allowed}"):
        check_endpoint("frames", value, "tcp://host:1", bound=False)


def test_a_port_beyond_the_last_is_refused_before_it_is_wrapped() -> None:
    allowed = "a ZeroMQ endpoint with a port of 0 to 65535, as tcp://host:1"
    with wrong(f"frames = 'tcp://a:65536': allowed is {allowed}"):
        check_endpoint("frames", "tcp://a:65536", "tcp://host:1", bound=True)


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_true_or_false(value: bool) -> None:
    assert check_flag("key", value) is value


@pytest.mark.parametrize("value", ["true", 1, 0, None])
def test_nothing_else_is_a_flag(value: object) -> None:
    with wrong(f"key = {value!r}: allowed is true or false"):
        check_flag("key", value)


@pytest.mark.parametrize("value", ["", "*", "https://a.example", "Tür 3"])
def test_a_text_of_one_line_is_taken(value: str) -> None:
    assert check_line("key", value) == value


@pytest.mark.parametrize("value", ["a\r\nb", "a\n", "\0", " a", "東", 5, None])
def test_what_no_header_could_carry_is_no_text_of_one_line(value: object) -> None:
    with wrong("allowed is a text of one line"):
        check_line("key", value)


def test_headers_are_a_table_of_strings() -> None:
    value = {"X-Camera": "door", "x-empty": ""}
    assert check_headers("headers", value, NONE_TAKEN) == value


@pytest.mark.parametrize("value", [5, "X-Camera: door", ["X-Camera"], None])
def test_what_is_no_table_holds_no_headers(value: object) -> None:
    with wrong("allowed is a table of strings"):
        check_headers("headers", value, NONE_TAKEN)


@pytest.mark.parametrize("name", ["Server", "SERVER", "server"])
def test_a_header_that_is_partcasts_own_cannot_be_set_whatever_its_case(name: str) -> None:
    with wrong(f"headers.{name}: partcast sets this header itself; allowed is any other"):
        check_headers("headers", {name: "x"}, frozenset({"server"}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("X Camera", "door"),
        ("", "door"),
        ("X-Ü", "door"),
        ("X-Camera", "a\r\nSet-Cookie: b"),
        ("X-Camera", "a\0b"),
        ("X-Camera", " padded"),
        ("X-Camera", "東"),
        ("X-Camera", 5),
    ],
)
def test_what_is_no_header_is_refused_and_its_name_told(name: str, text: object) -> None:
    with wrong(f"headers.{name}: "):
        check_headers("headers", {name: text}, NONE_TAKEN)
