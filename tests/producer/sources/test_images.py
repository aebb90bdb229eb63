"""Folders of images, and single ones."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from producer.sources import MAX_PICTURE_BYTES, Order, SourceError, SourceOptions, open_source
from producer.sources.images import MAX_NAMED, is_image
from tests.producer.sources.clips import without_tables
from tests.producer.sources.reading import jpeg, running, taken


def write(folder: Path, *names: str) -> dict[bytes, str]:
    """Writes another JPEG image under each name; returns the names by content."""
    images = {jpeg(number): name for number, name in enumerate(names)}
    for body, name in images.items():
        (folder / name).write_bytes(body)
    return images


def names_shown(folder: Path, images: dict[bytes, str], options: SourceOptions) -> list[str]:
    return [images[picture.body] for picture in taken(open_source(str(folder), options))]


def test_images_are_shown_by_name_as_people_count(tmp_path: Path) -> None:
    images = write(tmp_path, "a10.jpg", "a9.jpg", "B1.jpg", "a9b.jpg", "10.jpg", "9.jpg")
    assert names_shown(tmp_path, images, SourceOptions()) == [
        "9.jpg", "10.jpg", "a9.jpg", "a9b.jpg", "a10.jpg", "B1.jpg",
    ]  # fmt: skip


def test_images_are_shown_by_time(tmp_path: Path) -> None:
    images = write(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    for age, name in enumerate(["b.jpg", "c.jpg", "a.jpg"]):
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    by_time = SourceOptions(order=Order.TIME)
    assert names_shown(tmp_path, images, by_time) == ["a.jpg", "c.jpg", "b.jpg"]


def test_images_in_random_order_are_all_shown_anew_in_each_run(tmp_path: Path) -> None:
    images = write(tmp_path, *(f"{number}.jpg" for number in range(6)))
    at_random = SourceOptions(order=Order.RANDOM)
    runs = [names_shown(tmp_path, images, at_random) for _ in range(20)]
    assert all(sorted(run) == sorted(images.values()) for run in runs)
    assert len(set(map(tuple, runs))) > 1


def test_offsets_follow_the_rate(tmp_path: Path) -> None:
    write(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    for fps, offsets in ((None, [0, 0.1, 0.2]), (4.0, [0, 0.25, 0.5])):
        source = open_source(str(tmp_path), SourceOptions(fps=fps))
        assert [picture.offset_s for picture in taken(source)] == offsets
        assert source.length == 3


def test_files_are_counted_only_where_the_number_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Path] = []

    def noted(file: Path) -> bool:
        counted.append(file)
        return is_image(file)

    write(tmp_path, "1.jpg", "2.jpg")
    monkeypatch.setattr("producer.sources.images.is_image", noted)
    assert open_source(str(tmp_path), SourceOptions(loop=True)).length is None
    assert counted == []
    assert open_source(str(tmp_path)).length == len(counted) == 2


def test_a_loop_goes_on_and_shows_what_has_come_since(tmp_path: Path) -> None:
    write(tmp_path, "1.jpg", "2.jpg")
    source = open_source(str(tmp_path), SourceOptions(loop=True, fps=10))
    assert source.length is None
    with running(source) as (pictures, stop):
        offsets = [next(pictures).offset_s for _ in range(2)]
        (tmp_path / "3.jpg").write_bytes(jpeg(77))
        bodies = []
        for picture in pictures:
            offsets.append(picture.offset_s)
            bodies.append(picture.body)
            if len(bodies) == 3:
                stop.set()
    assert offsets == [0, 0.1, 0.2, 0.3, 0.4]
    assert bodies[-1] == jpeg(77)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp"])
def test_the_type_of_an_image_is_told_by_its_content(kind: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    path = tmp_path / "image.txt"
    path.write_bytes(out.getvalue())
    for spec in (path, tmp_path, path.as_uri()):
        source = open_source(str(spec))
        (picture,) = taken(source)
        assert picture.content_type == f"image/{kind}"
        assert picture.body == out.getvalue()
        assert source.length == 1


def test_what_is_no_image_is_skipped_with_one_warning_for_each_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = write(tmp_path, "2.jpg", ".hidden.jpg")
    (tmp_path / "1.jpg").write_bytes(b"no image")
    (tmp_path / "3.txt").write_bytes(b"")
    (tmp_path / "4.jpg").write_bytes(jpeg() + bytes(MAX_PICTURE_BYTES))
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("nowhere")
    source = open_source(str(tmp_path))
    for _ in range(2):
        assert [images[picture.body] for picture in taken(source)] == ["2.jpg"]
    assert caplog.messages == [
        f"{tmp_path}/1.jpg is skipped: no image",
        f"{tmp_path}/3.txt is skipped: no image",
        f"{tmp_path}/4.jpg is skipped: larger than {MAX_PICTURE_BYTES} bytes",
    ]


def test_a_folder_of_many_other_files_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = write(tmp_path, "0.jpg")
    for number in range(MAX_NAMED + 5):
        (tmp_path / f"{number}.txt").write_bytes(b"no image")
    assert names_shown(tmp_path, images, SourceOptions()) == ["0.jpg"]
    assert len(caplog.messages) == MAX_NAMED + 1
    assert caplog.messages[-1] == f"what else is skipped in {tmp_path} goes without a word"


def test_a_broken_image_is_skipped_until_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = write(tmp_path, "1.jpg", "2.jpg")
    whole = (tmp_path / "2.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[:200])
    (tmp_path / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    source = open_source(str(tmp_path), SourceOptions(loop=True))
    with running(source) as (pictures, _stop):
        assert {images[next(pictures).body] for _ in range(3)} == {"1.jpg"}
        (tmp_path / "2.jpg").write_bytes(whole)
        assert {images[next(pictures).body] for _ in range(4)} == {"1.jpg", "2.jpg"}
    assert caplog.messages == [
        f"{tmp_path}/{name} is skipped: broken or cut off" for name in ("2.jpg", "3.png")
    ]


@pytest.mark.parametrize("loop", [True, False])
def test_nothing_but_broken_images_is_an_error(loop: bool, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg()[:200])
    for spec in (tmp_path, tmp_path / "1.jpg"):
        with pytest.raises(SourceError, match="holds no image that is whole"):
            open_source(str(spec), SourceOptions(loop=loop))


def test_an_image_without_huffman_tables_is_shown(tmp_path: Path) -> None:
    bare = without_tables(jpeg())
    (tmp_path / "1.jpg").write_bytes(bare)
    assert [picture.body for picture in taken(open_source(str(tmp_path)))] == [bare]


def test_what_cannot_be_read_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = write(tmp_path, "2.jpg")
    # Its first page is never mapped: reading it fails, for root, too.
    (tmp_path / "1.jpg").symlink_to("/proc/self/mem")
    assert names_shown(tmp_path, images, SourceOptions()) == ["2.jpg"]
    assert "Input/output error" in caplog.text


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        open_source(str(tmp_path))
    (tmp_path / "notes.txt").write_text("no image either")
    with pytest.raises(SourceError, match="holds no image"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("loop", [True, False])
def test_a_folder_that_loses_its_images_ends_with_an_error(loop: bool, tmp_path: Path) -> None:
    write(tmp_path, "1.jpg")
    source = open_source(str(tmp_path), SourceOptions(loop=loop))
    (tmp_path / "1.jpg").unlink()
    with pytest.raises(SourceError, match="holds no image"):
        taken(source)
    tmp_path.rmdir()
    with pytest.raises(SourceError, match="No such file"):
        taken(source)


def test_a_set_stop_ends_a_loop_at_once(tmp_path: Path) -> None:
    write(tmp_path, "1.jpg")
    with running(open_source(str(tmp_path), SourceOptions(loop=True))) as (pictures, stop):
        next(pictures)
        stop.set()
        began = time.monotonic()
        assert list(pictures) == []
        assert time.monotonic() - began < 0.5
