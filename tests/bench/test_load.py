"""The load client: nothing that is wrong with a stream may pass it uncounted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.stamp import FILLER_BYTES, HEAD, MIN_BYTES, TAIL, Stamper

from .load_client import HEAD as RESPONSE
from .load_client import part, watch

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

SIZE = 50_000
HEALTHY = RESPONSE % b""
stamped = Stamper(SIZE).payload


def watch_parts(folder: Path, *payloads: bytes, **keys: object) -> dict[str, Any]:
    return watch(folder, [HEALTHY, *map(part, payloads), b"--\r\n"], **keys)


def flip(payload: bytes, at: int) -> bytes:
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


def damage(found: dict[str, Any]) -> int:
    return int(sum(found[key] for key in ("corrupt", "malformed", "disorder", "gaps", "failed")))


@pytest.mark.parametrize("check", [1, 16])
def test_a_healthy_stream_is_counted_and_nothing_else_is(tmp_path: Path, check: int) -> None:
    found = watch_parts(tmp_path, *map(stamped, range(5, 25)), check=check)
    assert (found["parts"], found["bytes"], found["clean"]) == (20, 20 * SIZE, 1)
    assert damage(found) + found["repeats"] == 0
    assert found["latency_us"]["count"] == 19  # the first part may be of any age


@pytest.mark.parametrize("size", [MIN_BYTES, 2_000, FILLER_BYTES + MIN_BYTES, 5_000_000])
def test_parts_of_any_size_are_whole(tmp_path: Path, size: int) -> None:
    found = watch_parts(tmp_path, *map(Stamper(size).payload, range(2)))
    assert (found["parts"], damage(found)) == (2, 0)


@pytest.mark.parametrize("at", [0, 10, 30, HEAD.size, SIZE // 2, SIZE - TAIL.size - 1, SIZE - 1])
def test_one_wrong_bit_anywhere_is_seen(tmp_path: Path, at: int) -> None:
    found = watch_parts(tmp_path, flip(stamped(0), at))
    assert found["corrupt"] + found["disorder"] == 1


def test_a_part_made_of_two_frames_is_seen_even_when_only_its_ends_are_looked_at(
    tmp_path: Path,
) -> None:
    torn = stamped(1)[: SIZE // 2] + stamped(2)[SIZE // 2 :]
    found = watch_parts(tmp_path, torn, check=1_000_000)
    assert found["corrupt"] == 1


def test_a_part_that_lost_bytes_is_seen(tmp_path: Path) -> None:
    short = part(stamped(0)).replace(b"\x00", b"", 1)
    found = watch(tmp_path, [HEALTHY, short, part(stamped(1)), b"--\r\n"])
    assert found["corrupt"] + found["malformed"] > 0


def test_frames_that_are_missing_are_gaps(tmp_path: Path) -> None:
    assert watch_parts(tmp_path, stamped(0), stamped(4))["gaps"] == 3


def test_a_frame_that_comes_again_is_a_repeat_and_has_no_latency(tmp_path: Path) -> None:
    found = watch_parts(tmp_path, stamped(7), stamped(7))
    assert (found["repeats"], found["latency_us"]["count"]) == (1, 0)


def test_a_frame_that_comes_after_a_newer_one_is_out_of_order(tmp_path: Path) -> None:
    assert watch_parts(tmp_path, stamped(7), stamped(6))["disorder"] == 1


def test_an_end_without_the_closing_delimiter_is_not_clean(tmp_path: Path) -> None:
    found = watch(tmp_path, [HEALTHY, part(stamped(0))])
    assert (found["parts"], found["clean"]) == (1, 0)


def test_a_stream_that_was_torn_within_a_part_counts_only_whole_parts(tmp_path: Path) -> None:
    found = watch(tmp_path, [HEALTHY, part(stamped(0)), part(stamped(1))[:1000]])
    assert (found["parts"], found["clean"]) == (1, 0)


def test_a_refusal_is_a_failure(tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    assert watch(tmp_path, [refusal])["failed"] == 1


def test_chunks_may_end_anywhere(tmp_path: Path) -> None:
    body = b"--token" + part(stamped(0)) + part(stamped(1)) + b"--\r\n"
    chunks = [body[at : at + 1777] for at in range(0, len(body), 1777)]
    head = (RESPONSE % b"Transfer-Encoding: chunked\r\n").removesuffix(b"--token")
    chunked = [b"%x\r\n%b\r\n" % (len(each), each) for each in chunks]
    found = watch(tmp_path, [head, *chunked, b"0\r\n\r\n"])
    assert (found["parts"], damage(found)) == (2, 0)


def test_a_part_without_a_length_is_whole_when_the_delimiter_has_come(tmp_path: Path) -> None:
    bare = b"\r\nContent-Type: image/jpeg\r\n\r\n%b\r\n--token" % stamped(0)
    found = watch(tmp_path, [HEALTHY, bare, b"--\r\n"])
    assert (found["parts"], damage(found)) == (1, 0)


def test_a_throttled_client_reads_no_faster_than_it_was_told(tmp_path: Path) -> None:
    found = watch_parts(tmp_path, *map(stamped, range(4)), rate=400_000, series=1)
    first, *_, last = [arrived_us for arrived_us, _ in found["series_us"]]
    assert last - first >= 0.9 * 2 * SIZE / 400_000 * 1e6
