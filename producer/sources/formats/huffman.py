"""The standard Huffman tables for JPEG images that come without any. No I/O.

Motion JPEG in AVI files and from many webcams leaves the tables out of each image, because they
are always those of ITU T.81 K.3. Browsers want them in the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from producer.sources.formats.jpeg import SOI

_DHT_CODE: Final = 0xC4
_SOS_CODE: Final = 0xDA


def _table(kind: int, counts: str, values: str) -> bytes:
    """One DHT segment (T.81 B.2.4.2): how many codes of each length, then what they stand for."""
    content = bytes([kind]) + bytes.fromhex(counts) + bytes.fromhex(values)
    return bytes([0xFF, _DHT_CODE]) + (len(content) + 2).to_bytes(2) + content


# T.81 tables K.3 to K.6, as the DHT segments of an image.
STANDARD_TABLES: Final = b"".join((
    _table(0x00, "00010501010101010100000000000000", "000102030405060708090a0b"),
    _table(
        0x10,
        "0002010303020403050504040000017d",
        """
        01020300041105122131410613516107227114328191a1082342b1c11552d1f0243362728209
        0a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465
        666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9
        aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9ea
        f1f2f3f4f5f6f7f8f9fa
        """,
    ),
    _table(0x01, "00030101010101010101010000000000", "000102030405060708090a0b"),
    _table(
        0x11,
        "00020102040403040705040400010277",
        """
        000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a16
        2434e125f11718191a262728292a35363738393a434445464748494a535455565758595a6364
        65666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7
        a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9
        eaf2f3f4f5f6f7f8f9fa
        """,
    ),
))  # fmt: skip


def with_tables(image: bytes) -> bytes:
    """Returns a JPEG image that has Huffman tables: itself, or a copy with the standard ones."""
    if _DHT_CODE in takewhile(lambda code: code != _SOS_CODE, segment_codes(image)):
        return image
    return SOI + STANDARD_TABLES + image[len(SOI) :]


def segment_codes(image: bytes) -> Iterator[int]:
    """Yields the markers of a JPEG image in order; behind SOS they are meaningless."""
    at = len(SOI)
    while at + 4 <= len(image):
        if image[at + 1] == 0xFF:  # a fill byte, T.81 B.1.1.2
            at += 1
            continue
        yield image[at + 1]
        at += 2 + int.from_bytes(image[at + 2 : at + 4])
