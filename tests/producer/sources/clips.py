"""Short video clips, made on the spot: solid colours in turn under a black bar."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
SIZE = (64, 48)


def clip(
    path: Path,
    codec: str = "mpeg4",
    *,
    pictures: int = 8,
    fps: int = 8,
    container_format: str | None = None,
    rotation: int = 0,
    size: tuple[int, int] = SIZE,
) -> Path:
    """Writes a clip of so many pictures, the `COLOURS` in turn."""
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(pictures):
            container.mux(stream.encode(_frame(list(COLOURS)[number % len(COLOURS)], size)))
        container.mux(stream.encode(None))
    return path


def film_with_cover(path: Path) -> Path:
    """Writes a clip of four pictures behind a cover, which is a stream of one."""
    with av.open(str(path), "w") as container:
        cover, film = container.add_stream("mjpeg", rate=8), container.add_stream("mpeg4", rate=8)
        for stream, form in ((cover, "yuvj420p"), (film, "yuv420p")):
            assert isinstance(stream, av.VideoStream)
            (stream.width, stream.height), stream.pix_fmt = SIZE, form
        film.disposition = Disposition.default
        container.mux(cover.encode(_frame("red", SIZE)))
        for colour in COLOURS:
            container.mux(film.encode(_frame(colour, SIZE)))
        for stream in (cover, film):
            container.mux(stream.encode(None))
    return path


def avi_of(path: Path, images: list[bytes]) -> None:
    """Writes images as the packets of an AVI file, whatever is in them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=8)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p"
        for number, image in enumerate(images):
            packet = av.Packet(image)
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, 8)
            container.mux(packet)


def without_tables(image: bytes) -> bytes:
    """Leaves the Huffman tables of a JPEG image out, as many AVI files do."""
    at = 2
    kept = image[:2]
    while image[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(image[at + 2 : at + 4])
        kept += b"" if image[at + 1] == 0xC4 else image[at:end]
        at = end
    return kept + image[at:]


def packets(path: Path) -> list[bytes]:
    """The packets of a clip as they lie in the file."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def colour_of(body: bytes) -> str:
    """Names the colour that the middle of a picture is nearest to."""
    with Image.open(io.BytesIO(body)) as image:
        pixel = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)
    distances = {
        name: sum((a - b) ** 2 for a, b in zip(pixel, colour, strict=True))
        for name, colour in COLOURS.items()
    }
    return min(distances, key=distances.__getitem__)


def dark_side_of(body: bytes) -> str:
    """Tells on which side of a picture the black bar is."""
    with Image.open(io.BytesIO(body)) as image:
        grey = image.convert("L")
        width, height = grey.size
        points = {
            "top": (width // 2, 2),
            "left": (2, height // 2),
            "bottom": (width // 2, height - 3),
            "right": (width - 3, height // 2),
        }
        return min(points, key=lambda side: float(str(grey.getpixel(points[side]))))


def _frame(colour: str, size: tuple[int, int]) -> av.VideoFrame:
    image = Image.new("RGB", size, COLOURS[colour])
    image.paste((0, 0, 0), (0, 0, size[0], size[1] // 4))
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame
