"""The picture of the test pattern: what stands still is drawn once, what moves each time."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image, ImageDraw, ImageFont

BACKGROUND_TOP: Final = (24, 32, 58)
BACKGROUND_BOTTOM: Final = (58, 74, 122)
INK: Final = (244, 246, 252)
FAINT_INK: Final = (150, 164, 204)
GRID: Final = (64, 80, 124)
ACCENT: Final = (255, 176, 59)

# Colour bars at 75 %, as of SMPTE EG 1: wrong colours on the way show at once.
BARS: Final = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
)

# Times larger that round shapes are drawn before they are scaled down, as Pillow's are jagged.
SMOOTHING: Final = 4

# Seconds for the ball's way across and up and down; their ratio keeps the path from closing.
ORBIT_S: Final = (7.0, 4.5)


class Scene:
    """Draws the test pattern in one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._width, self._height = size
        self._bar_height = self._height // 9
        self._unit = min(self._height, self._width * 9 / 16)
        self._radius = max(2, round(self._unit / 16))
        self._clock_font = _font(self._unit / 6)
        self._text_font = _font(self._unit / 18)
        self._ball = _disc(self._radius)
        self._background = self._draw_background()

    def draw(self, number: int, clock: str, time_s: float) -> Image.Image:
        """Draws picture `number`; `time_s` says how far what moves has come."""
        image = self._background.copy()
        self._draw_ball(image, time_s)
        drawing = ImageDraw.Draw(image)
        centre = (self._width / 2, self._height * 0.42)
        drawing.text(centre, clock, INK, self._clock_font, anchor="mm")
        below = (self._width / 2, self._height * 0.6)
        drawing.text(below, f"frame {number}", FAINT_INK, self._text_font, anchor="mm")
        self._draw_second(drawing, time_s % 1)
        return image

    def _draw_ball(self, image: Image.Image, time_s: float) -> None:
        reach = (self._width - 2 * self._radius, self._height - self._bar_height - 2 * self._radius)
        phases = (0.5 - 0.5 * math.cos(math.tau * time_s / orbit_s) for orbit_s in ORBIT_S)
        x, y = (round(phase * side) for phase, side in zip(phases, reach, strict=True))
        image.paste(ACCENT, (x, y), self._ball)

    def _draw_second(self, drawing: ImageDraw.ImageDraw, fraction: float) -> None:
        """A line that grows from left to right once a second: uneven pace shows in it."""
        bottom = self._height - self._bar_height
        thickness = max(1, self._height // 90)
        box = (0, bottom - thickness, round(fraction * (self._width - 1)), bottom - 1)
        drawing.rectangle(box, ACCENT)

    def _draw_background(self) -> Image.Image:
        size = (self._width, self._height)
        shade = Image.linear_gradient("L").resize(size)
        top, bottom = (Image.new("RGB", size, end) for end in (BACKGROUND_TOP, BACKGROUND_BOTTOM))
        image = Image.composite(bottom, top, shade)
        drawing = ImageDraw.Draw(image)
        self._draw_grid(drawing)
        self._draw_bars(drawing)
        self._draw_labels(drawing)
        return image

    def _draw_grid(self, drawing: ImageDraw.ImageDraw) -> None:
        step = max(8, self._height // 9)
        for x in range(step, self._width, step):
            drawing.line(((x, 0), (x, self._height)), GRID)
        for y in range(step, self._height, step):
            drawing.line(((0, y), (self._width, y)), GRID)

    def _draw_bars(self, drawing: ImageDraw.ImageDraw) -> None:
        edges = [round(i * self._width / len(BARS)) for i in range(len(BARS) + 1)]
        top = self._height - self._bar_height
        for colour, left, right in zip(BARS, edges, edges[1:], strict=False):
            drawing.rectangle((left, top, right, self._height), colour)

    def _draw_labels(self, drawing: ImageDraw.ImageDraw) -> None:
        margin = self._unit / 24
        drawing.text((margin, margin), "partcast", INK, self._text_font)
        size = f"{self._width} x {self._height}"
        drawing.text((self._width - margin, margin), size, FAINT_INK, self._text_font, anchor="ra")


def _font(height: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(6, height))


def _disc(radius: int) -> Image.Image:
    """Returns a mask of a smooth disc."""
    side = 2 * radius
    large = Image.new("L", (side * SMOOTHING, side * SMOOTHING))
    ImageDraw.Draw(large).ellipse((0, 0, *(edge - 1 for edge in large.size)), 255)
    return large.resize((side, side), Image.Resampling.LANCZOS)
