"""The head of a stream's response, and what a request asks for."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest

from streamer.configuration.settings import StreamSettings
from streamer.http.response import (
    cors_headers,
    opening,
    parse_query,
    path_of,
    stream_head,
    wants_advance,
)
from tests.streamer.frames import TOKEN


def parsed(head: bytes) -> tuple[str, dict[str, str]]:
    assert head.endswith(b"\r\n\r\n")
    status, *lines = head[:-4].decode("latin-1").split("\r\n")
    names = [line.partition(":")[0].lower() for line in lines]
    assert len(set(names)) == len(names)
    return status, dict(line.split(": ", 1) for line in lines)


def test_the_response_is_an_identity_body_that_ends_with_the_connection() -> None:
    status, headers = parsed(stream_head(TOKEN, StreamSettings(), {}))
    assert status == "HTTP/1.1 200 OK"
    assert headers["Connection"] == "close"
    assert {"content-length", "transfer-encoding"}.isdisjoint(name.lower() for name in headers)


def test_the_boundary_is_the_only_parameter_and_unquoted() -> None:
    _, headers = parsed(stream_head(TOKEN, StreamSettings(), {}))
    assert headers["Content-Type"] == f"multipart/x-mixed-replace; boundary={TOKEN}"


def test_nobody_is_to_cache_or_to_buffer() -> None:
    _, headers = parsed(stream_head(TOKEN, StreamSettings(), {}))
    assert re.match(r"no-store\b", headers["Cache-Control"])
    assert headers["Pragma"] == "no-cache"
    assert headers["X-Accel-Buffering"] == "no"
    assert parsedate_to_datetime(headers["Expires"]) < parsedate_to_datetime(headers["Date"])


def test_status_and_headers_are_those_of_the_configuration() -> None:
    settings = StreamSettings(status_code=206, headers={"X-Camera": "Tür"})
    status, headers = parsed(stream_head(TOKEN, settings, {}))
    assert status == "HTTP/1.1 206 Partial Content"
    assert headers["X-Camera"] == "Tür"


def test_other_origins_may_read_it_where_that_is_configured() -> None:
    _, headers = parsed(stream_head(TOKEN, StreamSettings(), cors_headers("*")))
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert cors_headers("") == {}


def test_a_configured_header_goes_before_the_one_for_other_origins() -> None:
    settings = StreamSettings(headers={"access-control-allow-origin": "https://a.example"})
    _, headers = parsed(stream_head(TOKEN, settings, cors_headers("*")))
    assert headers["access-control-allow-origin"] == "https://a.example"


def test_the_bodys_first_bytes_are_the_first_delimiter_without_its_line_end() -> None:
    assert opening(TOKEN) == b"--" + TOKEN.encode()


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2&a=3", {"a": "3"}),
        ("flag", {"flag": ""}),
        ("flag=", {"flag": ""}),
        ("=x&&=&a=1", {"a": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("a+b=c+d", {"a b": "c d"}),
        ("%C3%BC=%E6%9D%B1", {"ü": "東"}),
        ("\xc3\xbc=\xe6\x9d\xb1", {"ü": "東"}),
        ("a=%FF", {"a": "\ufffd"}),
        ("a=%ED%A0%80", {"a": "\ufffd" * 3}),
        ("a=%", {"a": "%"}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_of_a_query_the_last_value_of_each_name_counts(query: str, parsed: dict[str, str]) -> None:
    assert parse_query(query) == parsed


CHROME_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
CHROME_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("query", "headers", "wanted"),
    [
        # Asked for, or declined: that goes before everything else.
        ({"advance_headers": "1"}, {}, True),
        ({"advance_headers": "1"}, {"Sec-Fetch-Dest": "empty", "Accept": "*/*"}, True),
        ({"advance_headers": "0"}, {"Sec-Fetch-Dest": "image", "Accept": CHROME_IMAGE}, False),
        ({"advance_headers": "yes"}, {"Sec-Fetch-Dest": "image"}, True),
        ({"advance_headers": ""}, {}, False),
        # Fetch Metadata: where an image is shown.
        ({}, {"Sec-Fetch-Dest": "image"}, True),
        ({}, {"Sec-Fetch-Dest": "document"}, True),
        ({}, {"Sec-Fetch-Dest": "iframe"}, True),
        ({}, {"Sec-Fetch-Dest": "embed"}, True),
        ({}, {"Sec-Fetch-Dest": "object"}, True),
        ({}, {"sec-fetch-dest": "image"}, True),
        ({}, {"Sec-Fetch-Dest": "empty"}, False),
        ({}, {"Sec-Fetch-Dest": "video"}, False),
        # Where there is any Fetch Metadata, Accept means nothing.
        ({}, {"Sec-Fetch-Dest": "empty", "Accept": CHROME_IMAGE}, False),
        ({}, {"Sec-Fetch-Mode": "cors", "Accept": CHROME_IMAGE}, False),
        # Plain HTTP on a LAN.
        ({}, {"Accept": CHROME_IMAGE}, True),
        ({}, {"Accept": CHROME_PAGE}, True),
        ({}, {"accept": "text/html"}, True),
        ({}, {"Accept": "*/*"}, False),
        ({}, {"Accept": "multipart/x-mixed-replace"}, False),
        ({}, {}, False),
    ],
)
def test_browsers_are_served_headers_in_advance_and_programs_are_not(
    query: dict[str, str], headers: dict[str, str], wanted: bool
) -> None:
    assert wants_advance(query, headers) is wanted


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/streams/cam1", "/streams/cam1"),
        ("http://example/streams/cam1", "/streams/cam1"),
        ("HTTPS://[::1]:8080/streams/cam1", "/streams/cam1"),
        ("http://example", "/"),
        ("http://example/", "/"),
        ("http://a/http://b/c", "/http://b/c"),
        ("/streams/http://cam1", "/streams/http://cam1"),
        ("ftp://example/streams", "ftp://example/streams"),
        ("//streams", "//streams"),
        ("example:443", "example:443"),
        ("*", "*"),
    ],
)
def test_a_target_may_be_a_whole_url(target: str, path: str) -> None:
    assert path_of(target) == path
