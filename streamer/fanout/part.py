"""A frame as a part of a multipart body, encoded once for all clients (RFC 2046, 5.1).

The body begins with `--<token>`, sent with the response headers. Each part then is CRLF (the
line end of that delimiter), header block, payload, CRLF and the next `--<token>`: so a part's
bytes are the same for every client, and `--` CRLF ends the body at any part's end.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Final

from protocol import RESERVED_PART_FIELDS, Frame, MalformedError, Refusal, essence

# Blink searches the payload for the delimiter: 40 characters of 62 are 238 bits of chance.
TOKEN_CHARS: Final = 40
CLOSING: Final = b"--\r\n"
JPEG_START: Final = b"\xff\xd8"


def new_token() -> str:
    """Returns a random boundary of letters and digits, which needs no quotes anywhere."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(TOKEN_CHARS))


class Part:
    """One frame in every form that clients are sent.

    The forms are made when a first client needs them: what nobody watches is never joined.

    Attributes:
        plain: the part with its Content-Length, up to the next delimiter.
        opening: the part, and the header block of the next one in advance.
        filling: the payload for a part that is open already, and the next header block.
        last_filling: the payload for a part that is open already, up to the next delimiter.
        payload: the frame's body.
        payload_bytes: its length.
        content_type: media type of the part.
        is_image: whether browsers may be shown it.
        timestamp: capture time as `X-Timestamp` spells it; empty where it is not known.
        targeted: whether it is for one client alone.
        seq: the producer's number of the frame, where it has one.
        producer: who counts so.
        retained: whether it is sent once more, and older than who has just come.
        size: bytes of `plain`, the measure of what waits for a client.

    """

    __slots__ = (
        "_delimiter",
        "_head",
        "_next_head",
        "content_type",
        "filling",
        "is_image",
        "last_filling",
        "opening",
        "payload",
        "payload_bytes",
        "plain",
        "producer",
        "retained",
        "seq",
        "size",
        "targeted",
        "timestamp",
    )
    plain: bytes
    opening: bytes
    filling: bytes
    last_filling: bytes

    def __init__(
        self,
        head: bytes,
        payload: bytes,
        delimiter: bytes,
        next_head: bytes,
        content_type: str,
        timestamp: str = "",
    ) -> None:
        self._head = head
        self._delimiter = delimiter
        self._next_head = next_head
        self.payload = payload
        self.payload_bytes = len(payload)
        self.size = len(head) + len(payload) + len(delimiter)
        self.content_type = content_type
        self.is_image = essence(content_type).startswith("image/")
        self.timestamp = timestamp
        self.targeted = False
        self.seq: int | None = None
        self.producer: str | None = None
        self.retained = False

    @property
    def parts(self) -> tuple[Part]:
        """The part, as `Batch.parts` has several."""
        return (self,)

    def in_step(self, advance: bool) -> bytes:
        """Returns the bytes for clients in step; none where they have to be offered one by one.

        Args:
            advance: whether they have an open part.

        """
        if not advance:
            return self.plain
        return self.filling if self.is_image else b""

    def __getattr__(self, form: str) -> bytes:
        # Asked only for a slot that is empty still: after the first client, a form costs no
        # more than an attribute.
        pieces: tuple[bytes, ...]
        match form:
            case "plain":
                pieces = (self._head, self.payload, self._delimiter)
            case "opening":
                pieces = (self._head, self.payload, self._delimiter, self._next_head)
            case "filling":
                pieces = (self.payload, self._delimiter, self._next_head)
            case "last_filling":
                pieces = (self.payload, self._delimiter)
            case _:
                raise AttributeError(form)
        made = b"".join(pieces)
        setattr(self, form, made)
        return made


class Batch:
    """Parts of one stream that came together, and go to an idle client in one write.

    Attributes:
        parts: the parts, in order; at least two.
        plain: all of them in their plain form.
        filling: all of them for a part that is open; empty where not all are images.
        payload_bytes: bytes of all payloads.
        size: bytes of `plain`.

    """

    __slots__ = ("filling", "parts", "payload_bytes", "plain", "size")
    plain: bytes
    filling: bytes

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.payload_bytes = sum(each.payload_bytes for each in parts)
        self.size = sum(each.size for each in parts)

    def in_step(self, advance: bool) -> bytes:
        """Returns the bytes for clients in step; none where they have to be offered one by one."""
        return self.filling if advance else self.plain

    def __getattr__(self, form: str) -> bytes:
        match form:
            case "plain":
                made = b"".join([each.plain for each in self.parts])
            case "filling":
                images = all(each.is_image for each in self.parts)
                made = b"".join([each.filling for each in self.parts]) if images else b""
            case _:
                raise AttributeError(form)
        setattr(self, form, made)
        return made


class Encoder:
    """Makes parts of frames, for streams of one configuration.

    Args:
        token: the boundary.
        content_type: media type of frames that name none.
        part_headers: header fields of every part; a frame's own replace them.

    """

    def __init__(self, token: str, content_type: str, part_headers: Mapping[str, str]) -> None:
        self._delimiter = b"\r\n--" + token.encode()
        self._content_type = content_type
        self._part_headers = dict(part_headers)
        self._part_fields = _lines(self._part_headers)

    def encode(self, frame: Frame) -> Part:
        """Returns the part of `frame`; raises MalformedError for a JPEG that is none."""
        content_type = frame.content_type or self._content_type
        body = frame.body
        if essence(content_type) == "image/jpeg" and body[:2] != JPEG_START:
            raise MalformedError(
                Refusal.BAD_IMAGE, f"image/jpeg of {len(body)} bytes does not begin with FF D8"
            )
        type_line = f"\r\nContent-Type: {content_type}\r\n".encode("latin-1")
        timestamp = "" if frame.time is None else _timestamp(frame.time)
        head = b"".join(
            (
                type_line,
                b"Content-Length: %d\r\n" % len(body),
                f"X-Timestamp: {timestamp}\r\n".encode() if timestamp else b"",
                self._fields(frame),
                b"\r\n",
            )
        )
        next_head = b"".join((type_line, self._part_fields, b"\r\n"))
        part = Part(head, body, self._delimiter, next_head, content_type, timestamp)
        part.seq, part.producer, part.retained = frame.seq, frame.producer, frame.retained
        return part

    def _fields(self, frame: Frame) -> bytes:
        if not frame.headers:
            return self._part_fields
        reserved = set(RESERVED_PART_FIELDS)
        if frame.time is not None:
            reserved.add("x-timestamp")
        own = {name: value for name, value in frame.headers.items() if name.lower() not in reserved}
        replaced = {name.lower() for name in own}
        kept = {
            name: value
            for name, value in self._part_headers.items()
            if name.lower() not in replaced
        }
        return _lines(kept | own)


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def _timestamp(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{seconds}.{nanoseconds // 1000:06d}"
