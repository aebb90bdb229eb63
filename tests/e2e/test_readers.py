"""The readers that people really use take the stream: each reads frames that it did not make."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest
import zmq
from PIL import Image

from .browser import browsing
from .processes import Command, Publisher, Starter, eventually

Context = zmq.Context[zmq.Socket[bytes]]
RED, GREEN, BLUE = (220, 30, 30), (30, 200, 60), (40, 60, 220)
SIZE = (64, 48)


def picture(colour: tuple[int, int, int]) -> bytes:
    """Returns a JPEG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", SIZE, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def is_near(seen: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(seen, colour, strict=True))


@contextmanager
def publishing(publisher: Publisher, topic: str, bodies: list[bytes]) -> Iterator[None]:
    """Publishes pictures over and over, 50 a second, while a reader makes up its mind."""
    done = threading.Event()

    def publish() -> None:
        number = 0
        while not done.wait(0.02):
            publisher.send(topic, bodies[number % len(bodies)])
            number += 1

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def streamer(start: Starter) -> Command:
    return start.streamer()


@pytest.fixture
def publisher(streamer: Command, context: Context) -> Publisher:
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    return publisher


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return path


def test_curl_reads_whole_parts_and_a_clean_end(streamer: Command, publisher: Publisher) -> None:
    curl = subprocess.Popen(
        [program("curl"), "-sSN", f"{streamer.http}/streams/cam1"], stdout=subprocess.PIPE
    )
    eventually(lambda: streamer.streams().get("cam1", {}).get("connections"), "curl to connect")
    for colour in (RED, GREEN):
        publisher.send("all/cam1/", picture(colour), seq=(RED, GREEN).index(colour))
    publisher.send("all/cam1/", b"", type="stop", seq=1)
    body, _ = curl.communicate(timeout=20)
    assert curl.returncode == 0
    assert picture(RED) in body
    assert picture(GREEN) in body
    assert body.endswith(b"--\r\n")


def test_ffmpeg_decodes_the_frames(streamer: Command, publisher: Publisher, tmp_path: Path) -> None:
    ffmpeg = program("ffmpeg")
    with publishing(publisher, "all/cam1/", [picture(BLUE)]):
        strict = ["-f", "mpjpeg", "-strict_mime_boundary", "1"]
        source = ["-i", f"{streamer.http}/streams/cam1"]
        subprocess.run(
            [ffmpeg, "-v", "error", *strict, *source, "-frames:v", "5", f"{tmp_path}/%d.png"],
            check=True,
            timeout=60,
        )
    assert len(list(tmp_path.glob("*.png"))) == 5
    with Image.open(tmp_path / "5.png") as image:
        assert is_near(image.convert("RGB").getpixel((10, 10)), BLUE)  # type: ignore[arg-type]


def test_opencv_captures_the_frames(streamer: Command, publisher: Publisher) -> None:
    with publishing(publisher, "all/cam1/", [picture(GREEN)]):
        capture = cv2.VideoCapture(f"{streamer.http}/streams/cam1?dummy=param.mjpg", cv2.CAP_FFMPEG)
        seen = [capture.read() for _ in range(5)]
        capture.release()
    assert all(taken for taken, _ in seen)
    blue, green, red = np.asarray(seen[-1][1])[10, 10]
    assert is_near((int(red), int(green), int(blue)), GREEN)


def test_aiohttp_reads_every_part_to_the_closing_delimiter(
    streamer: Command, publisher: Publisher
) -> None:
    async def read() -> list[bytes]:
        url = f"{streamer.http}/streams/cam1"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            for number in range(10):
                publisher.send("all/cam1/", picture(RED) + bytes([number]), seq=number)
            publisher.send("all/cam1/", b"", type="stop", seq=9)
            reader = aiohttp.MultipartReader.from_response(answer)
            found = []
            while (part := await reader.next()) is not None:
                assert isinstance(part, aiohttp.BodyPartReader)
                found.append(bytes(await part.read()))
            return found

    assert asyncio.run(read()) == [picture(RED) + bytes([number]) for number in range(10)]


PAINT = """
(() => {
  const image = document.getElementById('live');
  if (!image || !image.naturalWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  return Array.from(context.getImageData(10, 10, 1, 1).data).slice(0, 3);
})()
"""


def shows(colour: tuple[int, int, int]) -> str:
    """Returns a script that tells whether the picture on the page has a colour."""
    return f"(() => {{ const seen = {PAINT.strip()}; return seen && seen.every((v, i) => Math.abs(v - {list(colour)}[i]) < 12) }})()"  # noqa: E501


def test_chromium_paints_a_single_frame_without_waiting_for_a_second(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    # No repeats: nothing but the frame itself can paint it.
    streamer = start.streamer(config='[streams."*"]\nrepeat_after_s = 0\n')
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")

    async def look() -> None:
        async with browsing(tmp_path) as page:
            await page.open(f"{streamer.http}/healthz")
            await page.evaluate("document.body.innerHTML = '<img id=live src=/streams/cam1>'; 1")
            await wait_for_viewer(streamer)
            for colour in (RED, GREEN, BLUE):
                publisher.send("all/cam1/", picture(colour))
                await page.until(shows(colour), f"{colour} to be painted")
            publisher.send("all/cam1/", b"", type="stop")
            while streamer.streams()["cam1"]["connections"]:
                await asyncio.sleep(0.02)
            assert await page.evaluate(shows(BLUE)), "the last picture stays when the stream ends"

    asyncio.run(look())
    assert streamer.streams()["cam1"]["parts"] == 3


def test_chromium_that_is_not_detected_is_painted_by_the_repeat(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")

    async def look() -> None:
        async with browsing(tmp_path) as page:
            await page.open(f"{streamer.http}/healthz")
            source = "/streams/cam1?advance_headers=0"
            await page.evaluate(f"document.body.innerHTML = '<img id=live src={source}>'; 1")
            await wait_for_viewer(streamer)
            publisher.send("all/cam1/", picture(RED))
            publisher.send("all/cam1/", picture(GREEN))
            await page.until(shows(GREEN), "the newest picture to be painted")

    asyncio.run(look())


async def wait_for_viewer(streamer: Command) -> None:
    while not streamer.streams().get("cam1", {}).get("connections"):
        await asyncio.sleep(0.02)
