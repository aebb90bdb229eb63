"""What is said of a picture that streamers will not take."""

from __future__ import annotations

from producer.command.show import fault_of
from producer.sources.source import MAX_PICTURE_BYTES


def test_a_picture_that_streamers_take_has_no_fault() -> None:
    assert fault_of(b"\xff\xd8...", "image/jpeg") is None
    assert fault_of(b"any bytes", "text/plain") is None


def test_a_picture_too_large_or_wrongly_called_jpeg_is_told_of() -> None:
    assert "larger than" in (fault_of(bytes(MAX_PICTURE_BYTES + 1), "image/png") or "")
    assert "FF D8" in (fault_of(b"any bytes", "Image/JPEG; q=1") or "")
