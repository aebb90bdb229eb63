"""Video files, made on the spot with the same library that reads them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from producer.sources import Source, SourceError, SourceOptions, open_source
from tests.producer.sources.clips import (
    COLOURS,
    SIZE,
    avi_of,
    clip,
    colour_of,
    dark_side_of,
    film_with_cover,
    packets,
    without_tables,
)
from tests.producer.sources.reading import jpeg, running, size_of, taken

EIGHTHS = [number / 8 for number in range(8)]


def offsets(source: Source, count: int | None = None) -> list[float | None]:
    return [picture.offset_s for picture in taken(source, count)]


def test_a_video_is_decoded_in_order_at_its_own_times(tmp_path: Path) -> None:
    source = open_source(str(clip(tmp_path / "clip.mp4")))
    pictures = taken(source)
    assert [colour_of(picture.body) for picture in pictures] == [*COLOURS, *COLOURS]
    assert [picture.offset_s for picture in pictures] == EIGHTHS
    assert {picture.content_type for picture in pictures} == {"image/jpeg"}
    assert source.length == 8


def test_a_file_with_a_colon_in_its_name_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "rec-10:15:00.mp4")
    monkeypatch.chdir(tmp_path)
    for spec in ("rec-10:15:00.mp4", "./rec-10:15:00.mp4"):
        assert len(taken(open_source(spec))) == 8


def test_times_begin_at_zero_whatever_the_container_says(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.ts", "mpeg2video", fps=25)
    assert offsets(open_source(str(path))) == pytest.approx([n / 25 for n in range(8)])


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.mov"])
def test_jpeg_pictures_pass_as_they_are(name: str, tmp_path: Path) -> None:
    path = clip(tmp_path / name, "mjpeg")
    pictures = taken(open_source(str(path)))
    assert [picture.body for picture in pictures] == packets(path)
    assert [picture.offset_s for picture in pictures] == pytest.approx(EIGHTHS)


def test_jpeg_pictures_without_tables_get_them(tmp_path: Path) -> None:
    whole = jpeg(size=SIZE)
    bare = without_tables(whole)
    path = tmp_path / "bare.avi"
    avi_of(path, [bare, bare])
    assert packets(path) == [bare, bare]
    first, second = taken(open_source(str(path)))
    assert first.body == second.body
    assert len(first.body) == len(whole)
    assert size_of(first.body) == SIZE


def test_two_fields_in_one_packet_become_one_picture(tmp_path: Path) -> None:
    field = jpeg(size=SIZE)
    path = tmp_path / "fields.avi"
    avi_of(path, [field + field])
    (picture,) = taken(open_source(str(path)))
    assert picture.body.count(b"\xff\xd8\xff") == 1
    assert size_of(picture.body) == SIZE


def test_bare_jpeg_images_in_a_file_are_a_video(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mjpeg", "mjpeg", container_format="mjpeg")
    assert offsets(open_source(str(path))) == pytest.approx([n / 25 for n in range(8)])
    slower = open_source(str(path), SourceOptions(fps=2))
    assert offsets(slower) == pytest.approx([n / 2 for n in range(8)])


def test_fps_is_a_limit_and_the_video_keeps_its_speed(tmp_path: Path) -> None:
    path = str(clip(tmp_path / "clip.mp4"))
    halved = open_source(path, SourceOptions(fps=4))
    assert offsets(halved) == [0.0, 0.25, 0.5, 0.75]
    assert halved.length is None
    unlimited = open_source(path, SourceOptions(fps=30))
    assert offsets(unlimited) == EIGHTHS
    assert unlimited.length == 8


def test_a_loop_goes_on_without_a_gap(tmp_path: Path) -> None:
    source = open_source(str(clip(tmp_path / "clip.mp4")), SourceOptions(loop=True))
    assert offsets(source, 20) == [number / 8 for number in range(20)]
    assert source.length is None


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_pictures_are_scaled_to_a_size_that_is_asked_for(codec: str, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mov", codec)
    scaled = taken(open_source(str(path), SourceOptions(size=(32, 32))), 1)
    assert size_of(scaled[0].body) == (32, 32)


def test_a_better_quality_costs_more_bytes(tmp_path: Path) -> None:
    path = str(clip(tmp_path / "clip.mp4"))
    sizes = [
        len(taken(open_source(path, SourceOptions(quality=quality)), 1)[0].body)
        for quality in (20, 95)
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(("rotation", "side"), [(90, "left"), (-90, "right"), (180, "bottom")])
@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_a_video_filmed_upright_is_shown_upright(
    codec: str, rotation: int, side: str, tmp_path: Path
) -> None:
    path = clip(tmp_path / "clip.mov", codec, rotation=rotation)
    (picture,) = taken(open_source(str(path)), 1)
    assert size_of(picture.body) == (SIZE if rotation == 180 else SIZE[::-1])
    assert dark_side_of(picture.body) == side


def test_a_film_is_shown_and_not_its_cover(tmp_path: Path) -> None:
    path = film_with_cover(tmp_path / "film.mkv")
    assert len(taken(open_source(str(path)))) == 4


def test_a_picture_larger_than_jpeg_allows_is_no_picture(tmp_path: Path) -> None:
    path = clip(tmp_path / "wide.mkv", "rawvideo", pictures=1, size=(65_600, 16))
    with pytest.raises(SourceError, match="none of its pictures can be read"):
        taken(open_source(str(path)))


def test_runs_in_several_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    source = open_source(str(clip(tmp_path / "clip.mp4", pictures=40)))
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(len(taken(source)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [40] * 4


def test_a_run_ends_when_it_is_told_to(tmp_path: Path) -> None:
    source = open_source(str(clip(tmp_path / "clip.mp4")), SourceOptions(loop=True))
    with running(source) as (pictures, stop):
        next(pictures)
        stop.set()
        assert list(itertools.islice(pictures, 2)) == []


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00\x00\x00\x18ftypmp42junk"])
def test_a_file_that_is_no_video_is_an_error_that_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is no image and no video"):
        open_source(str(path))


@pytest.mark.parametrize("content", [b"hello\n", bytes(500)])
def test_a_file_with_but_the_name_of_an_image_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is no image and no video: none of its pictures can"):
        open_source(str(path))


def test_an_image_of_a_kind_that_only_ffmpeg_knows_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "picture.tif"
    Image.new("RGB", SIZE).save(path)
    (picture,) = taken(open_source(str(path)))
    assert size_of(picture.body) == SIZE


@pytest.mark.parametrize("loop", [True, False])
def test_a_video_without_a_picture_that_can_be_read_ends_with_an_error(
    loop: bool, tmp_path: Path
) -> None:
    path = tmp_path / "broken.avi"
    avi_of(path, [b"broken"] * 3)
    source = open_source(str(path), SourceOptions(loop=loop))
    with pytest.raises(SourceError, match=r"broken\.avi: none of its pictures can be read"):
        taken(source, 1)


def test_a_loop_that_becomes_unreadable_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    avi_of(path, [jpeg(size=SIZE)])
    with running(open_source(str(path), SourceOptions(loop=True))) as (pictures, _stop):
        next(pictures)
        avi_of(path, [b"broken"])
        with pytest.raises(SourceError, match="none of its pictures can be read"):
            list(itertools.islice(pictures, 5))


def test_a_loop_may_be_so_short_that_the_rate_leaves_rounds_out(tmp_path: Path) -> None:
    source = open_source(str(clip(tmp_path / "clip.mp4")), SourceOptions(loop=True, fps=0.5))
    assert offsets(source, 3) == pytest.approx([0, 2, 4], abs=0.5)


def test_a_file_with_sound_alone_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(
        b"RIFF\x34\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00"
        b"\x80\x3e\x00\x00\x02\x00\x10\x00data\x10\x00\x00\x00" + bytes(16)
    )
    with pytest.raises(SourceError, match="it has no pictures"):
        open_source(str(path))


@pytest.mark.parametrize(
    ("name", "known", "unknown"),
    [("clip.avi", b"FMP4", b"ZZZZ"), ("clip.mkv", b"V_MPEG4/ISO/ASP", b"V_ZZZZZ/ZZZ/ZZZ")],
)
def test_a_video_that_nothing_decodes_is_an_error_that_says_so(
    name: str, known: bytes, unknown: bytes, tmp_path: Path
) -> None:
    path = clip(tmp_path / name)
    path.write_bytes(path.read_bytes().replace(known, unknown))
    with pytest.raises(SourceError, match="its pictures are in a form that this build") as caught:
        open_source(str(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_disappears_is_an_error(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    source = open_source(str(path))
    path.unlink()
    with pytest.raises(SourceError, match="No such file"):
        taken(source)


def test_without_pyav_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not looked at")
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from producer.sources import open_source, SourceError\n"
        "open_source('test')\n"
        "for spec in sys.argv[1:]:\n"
        "    try: open_source(spec)\n"
        "    except SourceError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(path), "rtsp://camera/1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("pip install 'partcast[video]'") == 2
