"""What can be wrong with a message, as a closed set."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a message was refused; the text is the label of the drop counter."""

    FRAME_COUNT = "frame_count"
    BAD_TOPIC = "bad_topic"
    BAD_MSGPACK = "bad_msgpack"
    BAD_TYPE = "bad_type"
    BAD_HEADER = "bad_header"
    TOO_LARGE = "too_large"
    BAD_IMAGE = "bad_image"
    TOO_MANY_STREAMS = "too_many_streams"
    NOT_ALLOWED = "not_allowed"


class MalformedError(ValueError):
    """A value or message that breaks the protocol; `str()` says what and what is allowed.

    Attributes:
        reason: the `Refusal` it is counted under.

    """

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason
