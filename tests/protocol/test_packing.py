"""Msgpack from outside is taken only as one map, and costs little whatever it is."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest

from protocol import MalformedError, Refusal
from protocol.packing import unpack_map


def unpack(packed: bytes) -> dict[Any, Any]:
    return unpack_map(packed, "header", max_bytes=1_000, max_items=100)


def reason(packed: bytes) -> Refusal:
    with pytest.raises(MalformedError) as refused:
        unpack(packed)
    return refused.value.reason


def test_a_map_is_taken_with_whatever_keys_it_has() -> None:
    odd = {"a": [1, {"b": None}], b"raw": 2.5, 7: True, None: msgpack.ExtType(5, b"x")}
    assert unpack(msgpack.packb(odd)) == odd


def test_of_a_key_that_comes_twice_the_last_value_is_taken() -> None:
    assert unpack(b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}


@pytest.mark.parametrize("value", [None, 1, "a", b"a", [], [{"a": 1}], 1.5])
def test_anything_but_a_map_is_a_bad_type(value: object) -> None:
    assert reason(msgpack.packb(value)) is Refusal.BAD_TYPE


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"\xc1", id="a byte that msgpack never uses"),
        pytest.param(b"\x81", id="a map without its item"),
        pytest.param(b"\x81\xa5abc", id="a text that is cut off"),
        pytest.param(b"\x80\x80", id="bytes behind the map"),
        pytest.param(b"\x81\xa1\xff\x01", id="a text that is no UTF-8"),
        pytest.param(b"\x81\x90\x01", id="a key that is an array"),
        pytest.param(b"\x81\xa1a\xd6\xff\xff\xff", id="an extension that is cut off"),
        pytest.param(b"\x81\xa1a\xc7\x03\xff\x00\x00\x00", id="a timestamp of three bytes"),
        pytest.param(b"\x81\xa1a" + b"\x91" * 990 + b"\xc1", id="arrays in arrays"),
        pytest.param(b"\x81\xa1a\xdd\xff\xff\xff\xff", id="an array that claims 2^32 items"),
        pytest.param(b"\xdf\xff\xff\xff\xff\xa1a", id="a map that claims 2^32 items"),
        pytest.param(b"\x81\xa1a\xdb\xff\xff\xff\xff", id="a text that claims 4 GiB"),
        pytest.param(b"\x81\xa1a\xc6\xff\xff\xff\xff", id="bytes that claim 4 GiB"),
        pytest.param(msgpack.packb({"a": [0] * 101}), id="more items than are allowed"),
    ],
)
def test_what_is_no_msgpack_of_ours_is_bad_msgpack(packed: bytes) -> None:
    assert reason(packed) is Refusal.BAD_MSGPACK


def test_too_many_bytes_are_not_even_looked_at() -> None:
    assert reason(b"\xc1" * 1_001) is Refusal.TOO_LARGE


def test_arrays_that_claim_what_they_have_not_cost_no_memory() -> None:
    claims = b"\x81\xa1a" + b"\xdd\x00\x00\x03\xb6" * 190  # 950 items each, of 953 bytes in all
    tracemalloc.start()
    try:
        assert reason(claims) is Refusal.BAD_MSGPACK
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
