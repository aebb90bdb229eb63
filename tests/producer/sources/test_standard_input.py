"""Standard input: real pipes, and what a real ffmpeg writes into them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.sources import SourceError, SourceOptions
from producer.sources.standard_input import StandardInput
from tests.producer.sources.camera_server import part
from tests.producer.sources.reading import STOP_S, jpeg, running, seconds_to_stop, size_of, taken

FRAMES = [jpeg(number) for number in range(4)]


@contextlib.contextmanager
def piped(data: bytes, *, closed: bool = True) -> Iterator[int]:
    """A pipe with bytes in it, and at its end unless it stays open."""
    reader, writer = os.pipe()
    os.write(writer, data)
    if closed:
        os.close(writer)
    try:
        yield reader
    finally:
        os.close(reader)
        if not closed:
            os.close(writer)


def source_of(descriptor: int, options: SourceOptions | None = None) -> StandardInput:
    return StandardInput(options or SourceOptions(), descriptor)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"".join(FRAMES), id="concatenated JPEG images"),
        pytest.param(b"\r\n" + b"\n".join(FRAMES), id="with line ends between"),
        pytest.param(b"".join(map(part, FRAMES)) + b"--frame--", id="multipart"),
        pytest.param(b"\r\n" + b"".join(map(part, FRAMES)), id="multipart without an end"),
    ],
)
def test_both_forms_are_told_apart_by_their_first_bytes(data: bytes) -> None:
    with piped(data) as reader:
        pictures = taken(source_of(reader))
    assert [picture.body for picture in pictures] == FRAMES
    assert {picture.content_type for picture in pictures} == {"image/jpeg"}
    assert {picture.offset_s for picture in pictures} == {None}


def test_a_picture_is_out_before_the_next_one_comes() -> None:
    with piped(FRAMES[0], closed=False) as reader:
        assert taken(source_of(reader), 1)[0].body == FRAMES[0]


def test_pictures_are_timed_where_a_rate_is_given() -> None:
    with piped(b"".join(FRAMES)) as reader:
        source = source_of(reader, SourceOptions(fps=4))
        assert [picture.offset_s for picture in taken(source)] == [0, 0.25, 0.5, 0.75]
        assert source.length is None


def test_a_stop_is_heeded_while_nothing_comes() -> None:
    with piped(FRAMES[0], closed=False) as reader:
        assert seconds_to_stop(source_of(reader), after=1) < STOP_S
    with piped(b"", closed=False) as reader:
        assert seconds_to_stop(source_of(reader), after=0) < STOP_S


def test_there_is_one_run_only() -> None:
    with piped(b"".join(FRAMES)) as reader:
        source = source_of(reader)
        taken(source)
        with pytest.raises(SourceError, match="read only once"):
            taken(source)


def test_it_cannot_be_repeated() -> None:
    with pytest.raises(SourceError, match="cannot be repeated"):
        StandardInput(SourceOptions(loop=True))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ended without a picture"),
        (b"\xff", "neither JPEG images nor an mpjpeg stream"),
        (b"GIF89a", "neither JPEG images nor an mpjpeg stream"),
        (FRAMES[0][:50], "ended without a picture"),
        (b"--frame\r\nX: " + b"x" * 20_000, "a header is larger than"),
    ],
)
def test_other_bytes_are_an_error_that_says_what_helps(data: bytes, words: str) -> None:
    with piped(data) as reader, pytest.raises(SourceError, match=words):
        taken(source_of(reader))


def test_what_cannot_be_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(SourceError, match="standard input: Is a directory; pipe in what"):
            taken(source_of(descriptor))
    finally:
        os.close(descriptor)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg: apt install ffmpeg")
@pytest.mark.parametrize(
    "form", [("-f", "mpjpeg"), ("-f", "image2pipe", "-c:v", "mjpeg")], ids=["mpjpeg", "image2pipe"]
)
def test_what_ffmpeg_writes_is_read(form: tuple[str, ...]) -> None:
    clip = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1")
    command = ("ffmpeg", "-loglevel", "error", *clip, *form, "-")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        pictures = taken(source_of(process.stdout.fileno()))
    assert len(pictures) == 10
    assert {size_of(picture.body) for picture in pictures} == {(64, 48)}


def test_a_run_that_is_closed_leaves_the_rest_unread() -> None:
    with piped(b"".join(FRAMES)) as reader, running(source_of(reader)) as (pictures, stop):
        next(pictures)
        stop.set()
        assert isinstance(stop, threading.Event)
