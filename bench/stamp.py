"""The payload every benchmark frame carries; stamp.h says what stands where."""

import struct
import time

MAGIC = b"\xff\xd8PCAST1"
HEAD = struct.Struct("<8sQQQ")
TAIL = struct.Struct("<Q")
MIN_BYTES = HEAD.size + TAIL.size
FILLER_BYTES = 16384


def _filler() -> bytes:
    """Gives Marsaglia's xorshift32, low byte of each step."""
    out = bytearray(FILLER_BYTES)
    x = 2463534242
    for i in range(FILLER_BYTES):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        out[i] = x & 0xFF
    return bytes(out)


class Stamper:
    """Makes payloads of one size, at the price of one copy each."""

    def __init__(self, payload_bytes: int) -> None:
        if payload_bytes < MIN_BYTES:
            raise ValueError(f"payload_bytes must be at least {MIN_BYTES}, not {payload_bytes}")
        self._bytes = payload_bytes
        self._fill_bytes = payload_bytes - MIN_BYTES
        repeats = self._fill_bytes // FILLER_BYTES + 2
        self._filler = memoryview(_filler() * repeats)

    def payload(self, seq: int) -> bytes:
        start = seq % FILLER_BYTES
        head = HEAD.pack(MAGIC, seq, time.monotonic_ns(), self._bytes)
        return b"".join((head, self._filler[start : start + self._fill_bytes], TAIL.pack(seq)))
