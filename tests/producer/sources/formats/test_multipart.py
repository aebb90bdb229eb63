"""The multipart decoder against every bad manner a camera is known for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.sources.formats.delimiter import MAX_SKIPPED_BYTES
from producer.sources.formats.jpeg import looks_whole
from producer.sources.formats.multipart import MultipartDecoder, MultipartError

BODIES = [
    b"\xff\xd8first\xff\xd9",
    b"\xff\xd8sec\r\nond--\r\n\r\n\xff\xd9",
    b"\xff\xd8third\xff\xd9",
]


def decoded(
    portions: Iterable[bytes], decoder: MultipartDecoder | None = None
) -> list[tuple[bytes, dict[str, str]]]:
    decoder = decoder or MultipartDecoder("frame")
    parts = [part for portion in portions for part in decoder.feed(portion)]
    return [(part.body, dict(part.headers)) for part in [*parts, *decoder.finish()]]


def bodies(portions: Iterable[bytes], decoder: MultipartDecoder | None = None) -> list[bytes]:
    return [body for body, _ in decoded(portions, decoder)]


def stream(
    parts: Sequence[bytes] = BODIES,
    *,
    delimiter: bytes = b"--frame",
    eol: bytes = b"\r\n",
    lengths: Sequence[int] | None = None,
    closing: bool = True,
) -> bytes:
    wire = b""
    for number, body in enumerate(parts):
        wire += delimiter + eol + b"Content-Type: image/jpeg" + eol
        if lengths is not None:
            wire += b"Content-Length: %d" % lengths[number] + eol
        wire += eol + body + eol
    return wire + delimiter + (b"--" + eol if closing else eol)


def right(parts: Sequence[bytes] = BODIES) -> list[int]:
    return [len(part) for part in parts]


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
@pytest.mark.parametrize("lengths", [None, right()])
@pytest.mark.parametrize("closing", [True, False])
def test_parts_come_out_as_they_went_in(
    eol: bytes, lengths: list[int] | None, closing: bool
) -> None:
    assert bodies([stream(eol=eol, lengths=lengths, closing=closing)]) == BODIES


@pytest.mark.parametrize("lengths", [None, right()])
def test_a_stream_may_be_cut_at_every_byte(lengths: list[int] | None) -> None:
    wire = stream(lengths=lengths)
    for at in range(len(wire)):
        assert bodies([wire[:at], wire[at:]]) == BODIES


def test_a_stream_may_come_byte_by_byte() -> None:
    wire = stream(lengths=None)
    assert bodies(wire[at : at + 1] for at in range(len(wire))) == BODIES


@pytest.mark.parametrize("delimiter", [b"--frame", b"----frame"])
def test_a_boundary_with_leading_dashes_is_found_with_and_without_two_more(
    delimiter: bytes,
) -> None:
    assert bodies([stream(delimiter=delimiter)], MultipartDecoder("--frame")) == BODIES


def test_without_a_boundary_that_of_the_first_line_is_taken() -> None:
    wire = stream(delimiter=b"--ffmpeg")
    assert bodies([wire[:5], wire[5:]], MultipartDecoder()) == BODIES


def test_a_line_break_before_the_first_delimiter_is_fine() -> None:
    assert bodies([b"\r\n" + stream()]) == BODIES
    assert bodies([b"\r\n" + stream()], MultipartDecoder()) == BODIES


def test_a_preamble_is_skipped_even_if_it_holds_the_boundary_within_a_line() -> None:
    assert bodies([b"a preamble with --frame in it\r\n" + stream()]) == BODIES


def test_the_closing_delimiter_ends_the_stream_and_an_epilogue_is_ignored() -> None:
    decoder = MultipartDecoder("frame")
    assert bodies([stream() + b"epilogue\r\n" + stream()], decoder) == BODIES
    assert decoder.closed


def test_a_stream_without_parts_may_be_closed() -> None:
    assert bodies([b"--frame--\r\n"]) == []


def test_a_longer_line_that_begins_like_the_delimiter_belongs_to_the_body() -> None:
    body = b"one\r\n--frames\r\n--fram\r\ntwo"
    assert bodies([stream([body])]) == [body]


def test_a_delimiter_within_a_body_of_known_length_belongs_to_the_body() -> None:
    body = b"one\r\n--frame\r\nContent-Type: text/plain\r\n\r\ntwo"
    assert bodies([stream([body, b"x"], lengths=[len(body), 1])]) == [body, b"x"]


def test_blanks_behind_a_delimiter_are_padding() -> None:
    assert bodies([stream().replace(b"--frame\r\n", b"--frame \t\r\n")]) == BODIES


@pytest.mark.parametrize("wrong_by", [-3, -1, 1, 5, 400])
def test_a_wrong_length_is_noticed_and_delimiters_are_searched_for(wrong_by: int) -> None:
    lengths = [length + wrong_by for length in right()]
    assert bodies([stream(lengths=lengths)]) == BODIES


def test_a_length_that_counts_the_line_end_before_the_delimiter_is_understood() -> None:
    lengths = [length + 2 for length in right()]
    assert bodies([stream(lengths=lengths)]) == BODIES


def test_once_a_length_was_wrong_no_length_is_waited_for() -> None:
    decoder = MultipartDecoder("frame")
    list(decoder.feed(stream([b"abc", b"x" * 500], lengths=[1, 1], closing=False)))
    later = b"Content-Length: 1000000\r\n\r\nbody\r\n--frame\r\n"
    assert [part.body for part in decoder.feed(later)] == [b"body"]


@pytest.mark.parametrize("length", [b"-5", b"many", b"", b"5, 5", b"9" * 30])
def test_a_length_that_is_no_number_counts_as_none(length: bytes) -> None:
    wire = b"--frame\r\nContent-Length: " + length + b"\r\n\r\nhello\r\n--frame--"
    assert bodies([wire]) == [b"hello"]


def test_a_padded_length_is_read() -> None:
    decoder = MultipartDecoder("frame")
    wire = b"--frame\r\nContent-length:         5\r\n\r\nhello\r\n--frame"
    assert [part.body for part in decoder.feed(wire)] == [b"hello"]


def test_no_line_end_between_a_body_of_known_length_and_the_delimiter_is_fine() -> None:
    part = b"--frame\r\nContent-length: 5\r\n\r\nhello"
    assert bodies([part * 3 + b"--frame--"]) == [b"hello"] * 3


def test_an_empty_line_more_before_the_delimiter_is_fine_behind_a_known_length() -> None:
    part = b"--frame\r\nContent-length: 5\r\n\r\nhello\r\n\r\n"
    assert bodies([part * 3 + b"--frame--"]) == [b"hello"] * 3


def test_the_delimiter_both_behind_and_before_a_part_is_fine() -> None:
    part = b"--frame\r\nContent-length: 5\r\n\r\nhello\r\n--frame\r\n"
    assert bodies([part * 3]) == [b"hello"] * 3


def test_an_empty_body_is_a_part() -> None:
    assert bodies([stream([b"", b"x"], lengths=[0, 1])]) == [b"", b"x"]


def test_a_part_is_out_as_soon_as_the_delimiter_stands_without_its_line_end() -> None:
    decoder = MultipartDecoder("frame")
    wire = stream([b"abc"], lengths=[3], closing=False).removesuffix(b"\r\n")
    assert [part.body for part in decoder.feed(wire)] == [b"abc"]


def test_a_body_that_looks_whole_is_not_held_back_for_the_delimiter() -> None:
    decoder = MultipartDecoder("frame", looks_whole=looks_whole)
    wire = stream(BODIES[:1], lengths=right(BODIES[:1]))
    end = wire.index(b"\xff\xd9") + 2
    assert [part.body for part in decoder.feed(wire[:end])] == BODIES[:1]
    assert list(decoder.feed(wire[end:])) == []


def test_a_body_that_does_not_look_whole_waits_for_the_delimiter() -> None:
    decoder = MultipartDecoder("frame", looks_whole=looks_whole)
    wire = b"--frame\r\nContent-Length: 4\r\n\r\nabcd"
    assert list(decoder.feed(wire)) == []
    assert [part.body for part in decoder.feed(b"\r\n--frame\r\n")] == [b"abcd"]


def test_the_last_part_counts_though_the_connection_ended_without_a_delimiter() -> None:
    wire = b"--frame\r\nContent-Length: 5\r\n\r\nhello"
    for tail in (b"", b"\r\n", b"\r\n--fra", b"\r\n--frame", b"\r\n--frame-"):
        assert bodies([wire + tail]) == [b"hello"]


def test_a_part_cut_off_by_the_end_is_dropped() -> None:
    assert bodies([b"--frame\r\nContent-Length: 50\r\n\r\nhello"]) == []
    assert bodies([b"--frame\r\n\r\nhello"]) == []
    assert bodies([b"--frame\r\nContent-Type: image/jp"]) == []


def test_a_last_body_of_unknown_length_counts_when_it_looks_whole() -> None:
    decoder = MultipartDecoder("frame", looks_whole=looks_whole)
    assert bodies([b"--frame\r\n\r\n" + BODIES[0] + b"\r\n"], decoder) == BODIES[:1]


def test_header_names_are_lower_case_and_values_keep_their_colons() -> None:
    wire = (
        b"--frame\r\nCONTENT-TYPE: image/jpeg\r\nX-Time: 12:34:56\r\nX-Url:http://a:80/\r\n"
        b"no header\r\nX-Folded: one\r\n two\r\nx-time: again\r\n\r\nbody\r\n--frame--"
    )
    assert decoded([wire]) == [
        (
            b"body",
            {
                "content-type": "image/jpeg",
                "x-time": "12:34:56",
                "x-url": "http://a:80/",
                "x-folded": "one two",
            },
        )
    ]


def test_a_part_without_headers_is_a_part() -> None:
    assert decoded([b"--frame\r\n\r\nbody\r\n--frame--"]) == [(b"body", {})]


@pytest.mark.parametrize("portion", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"--frame\r\n\r\n" + b"x" * 2000, "a part is larger than the 1000 bytes"),
        (
            b"--frame\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000,
            "a part is larger than the 1000 bytes",
        ),
        (b"--frame\r\nX: " + b"x" * 200, "a header is larger than the 100 bytes"),
        (b"--frame\r\nX: " + b"x" * 120 + b"\r\n\r\n", "a header is larger than the 100 bytes"),
    ],
)
def test_what_is_too_large_is_refused(wire: bytes, words: str, portion: int) -> None:
    decoder = MultipartDecoder("frame", max_part_bytes=1000, max_header_bytes=100)
    with pytest.raises(MultipartError, match=words):
        bodies((wire[at : at + portion] for at in range(0, len(wire), portion)), decoder)


@pytest.mark.parametrize("boundary", ["frame", None])
def test_a_stream_without_a_delimiter_is_refused(boundary: str | None) -> None:
    decoder = MultipartDecoder(boundary)
    with pytest.raises(MultipartError, match="what precedes a delimiter"):
        bodies([b"x" * (MAX_SKIPPED_BYTES + 1000)], decoder)


def test_parts_of_the_size_limit_pass() -> None:
    body = b"x" * 1000
    for lengths in (None, [1000]):
        decoder = MultipartDecoder("frame", max_part_bytes=1000)
        assert bodies([stream([body], lengths=lengths)], decoder) == [body]


def portions_of(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    return [wire[start:end] for start, end in itertools.pairwise(edges)]


pieces = st.sampled_from([
    b"--frame", b"----frame", b"\r\n", b"\n", b"\r", b"--", b" ", b"Content-Length: 4\r\n",
    b"Content-Length: 1\r\n", b"\r\n\r\n", b"\xff\xd8", b"\xff\xd9", b"abcd", b"\x00" * 90,
])  # fmt: skip
cuts = st.lists(st.integers(0, 4000), max_size=12)


@given(st.lists(pieces, max_size=40), cuts, st.sampled_from(["frame", "--frame", None]))
def test_no_portioning_changes_the_parts_of_any_bytes(
    wire: list[bytes], cuts: list[int], boundary: str | None
) -> None:
    whole = b"".join(wire)

    def parts(portions: list[bytes]) -> list[tuple[bytes, dict[str, str]]]:
        return decoded(portions, MultipartDecoder(boundary, looks_whole=looks_whole))

    assert parts(portions_of(whole, cuts)) == parts([whole])


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts,
    st.sampled_from([b"\r\n", b"\n"]),
    st.booleans(),
)
def test_any_bodies_come_out_as_they_went_in(
    parts: list[bytes], cuts: list[int], eol: bytes, with_lengths: bool
) -> None:
    wire = stream(parts, eol=eol, lengths=right(parts) if with_lengths else None)
    assert bodies(portions_of(wire, cuts)) == parts
