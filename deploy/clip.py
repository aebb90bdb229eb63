"""Draws a short video, for a demo that replays it to each of its clients.

    clip.py FILE [SECONDS]

The file's ending says which container it is; the pictures in it are JPEG, which the producer
passes on as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import av
from av.video.frame import VideoFrame

from producer.sources.scene import Scene

SIZE: Final = (640, 360)
FPS: Final = 10
DEFAULT_SECONDS: Final = 12


def draw(path: Path, seconds: int = DEFAULT_SECONDS) -> None:
    """Writes the video, whole or not at all."""
    unfinished = path.with_name(f"unfinished-{path.name}")
    scene = Scene(SIZE)
    with av.open(str(unfinished), "w") as video:
        stream = video.add_stream("mjpeg", rate=FPS, width=SIZE[0], height=SIZE[1])
        stream.pix_fmt = "yuvj420p"
        # Of a quality at which nobody sees blocks; 2 is FFmpeg's best.
        stream.options = {"flags": "qscale", "global_quality": "354"}
        for number in range(seconds * FPS):
            image = scene.draw(number + 1, f"{number / FPS:05.1f} s", number / FPS)
            frame: VideoFrame = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            video.mux(stream.encode(frame))
        video.mux(stream.encode(None))
    unfinished.replace(path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:3]))
