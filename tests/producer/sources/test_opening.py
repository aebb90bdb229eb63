"""What a person may call a source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from producer.sources import SourceError, SourceOptions, open_source
from producer.sources.camera import Camera
from producer.sources.images import Images
from producer.sources.live import LiveVideo
from producer.sources.pattern import Pattern
from producer.sources.standard_input import StandardInput
from tests.producer.sources.reading import jpeg


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("test", Pattern),
        ("-", StandardInput),
        ("http://camera/video", Camera),
        ("HTTPS://camera:8443/video?x=1", Camera),
        ("rtsp://jo:secret@camera:554/1", LiveVideo),
        ("rtmp://server/live/1", LiveVideo),
        ("udp://@239.0.0.1:1234", LiveVideo),
    ],
)
def test_a_source_is_known_by_its_name(spec: str, kind: type) -> None:
    assert isinstance(open_source(spec), kind)


def test_a_file_with_the_name_of_a_kind_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test").write_bytes(jpeg())
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_source("./test"), Images)
    assert isinstance(open_source("test"), Pattern)


@pytest.mark.parametrize("spec", ["nothing-here", "", "x" * 5000, "a\0b", "webcam:front"])
def test_what_is_nothing_is_an_error_that_names_the_kinds(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="a source is test, a folder of images,"):
        open_source(spec)


@pytest.mark.parametrize("url", ["foo://bar", "foo://jo:secret@bar?pw=secret", "FOO://bar"])
def test_a_url_of_no_known_kind_is_refused_by_name(url: str) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(url)
    words = "://bar: a URL's kind is one of file, http, https, rtsp, rtsps, rtmp, "
    assert str(refused.value).casefold().startswith("foo" + words.casefold())
    assert "secret" not in str(refused.value)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="pipe its content into"):
        open_source(str(tmp_path / "pipe"), SourceOptions())
