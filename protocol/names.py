"""Names of streams, nodes and clients, and the topics made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from protocol.errors import MalformedError, Refusal
from protocol.scalars import shown

STREAM_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
NODE_ID: Final = re.compile(r"[a-z0-9]{4,16}", re.ASCII)
CLIENT_ID: Final = re.compile(r"([a-z0-9]{4,16})-([0-9]{1,20})", re.ASCII)

ALL_PREFIX: Final = b"all/"
ONE_PREFIX: Final = b"one/"
EVENT_PREFIX: Final = b"event/"
NODE_PREFIX: Final = b"node/"

# Topics whose addresses are kept, a few hundred bytes each; refused ones are not.
TOPICS_REMEMBERED: Final = 4096


def is_stream_name(name: str) -> bool:
    """Tells whether `name` may name a stream."""
    return STREAM_NAME.fullmatch(name) is not None


def check_stream_name(name: str) -> str:
    """Returns `name`; raises MalformedError (a ValueError) where it cannot name a stream."""
    if not isinstance(name, str) or not is_stream_name(name):
        raise MalformedError(
            Refusal.BAD_TOPIC,
            f"bad stream name {shown(name)}: 1 to 64 of A-Z a-z 0-9 . _ - are allowed, "
            "the first a letter or digit",
        )
    return name


def check_node_id(node: str) -> str:
    """Returns `node`; raises MalformedError where it cannot be a node id."""
    if not isinstance(node, str) or NODE_ID.fullmatch(node) is None:
        raise MalformedError(
            Refusal.BAD_TOPIC, f"bad node id {shown(node)}: 4 to 16 of a-z 0-9 are allowed"
        )
    return node


def check_client_id(client: str) -> str:
    """Returns `client`; raises MalformedError where it cannot be a client id."""
    if not isinstance(client, str) or CLIENT_ID.fullmatch(client) is None:
        raise MalformedError(
            Refusal.BAD_TOPIC, f"bad client id {shown(client)}: allowed is <node id>-<number>"
        )
    return client


def node_of(client: str) -> str:
    """Returns the id of the node that holds `client`."""
    return client.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class AllClients:
    """Addresses every client of a stream, on every node."""

    stream: str

    def __post_init__(self) -> None:
        check_stream_name(self.stream)

    @property
    def topic(self) -> bytes:
        """The topic frame, `all/<stream>/`."""
        return b"all/%s/" % self.stream.encode()


@dataclass(frozen=True, slots=True)
class OneClient:
    """Addresses one client, wherever it is."""

    client: str

    def __post_init__(self) -> None:
        check_client_id(self.client)

    @property
    def topic(self) -> bytes:
        """The topic frame, `one/<client id>/`."""
        return b"one/%s/" % self.client.encode()


Address = AllClients | OneClient


# The same few topics come over and over; to parse one is half the price of a plain frame.
@lru_cache(maxsize=TOPICS_REMEMBERED)
def parse_topic(topic: bytes) -> Address:
    """Returns whom a topic of the frames channel addresses; raises MalformedError."""
    name = topic[4:-1]
    if topic[-1:] == b"/" and name.isascii():
        if topic.startswith(ALL_PREFIX):
            return AllClients(name.decode())
        if topic.startswith(ONE_PREFIX):
            return OneClient(name.decode())
    raise MalformedError(
        Refusal.BAD_TOPIC,
        f"bad topic {shown(topic)}: allowed are all/<stream>/ and one/<client id>/",
    )


def node_subscription(node: str) -> bytes:
    """Returns the prefix that covers the targeted frames of all clients of `node`."""
    return b"one/%s-" % check_node_id(node).encode()


def own_subscription(prefix: bytes, node: str) -> bytes:
    """Returns what matches no topic, and says that `node` has subscribed to `prefix`.

    Of equal subscriptions relays pass the first one on alone. This one has no equal.
    """
    return b"%s?%s" % (prefix, check_node_id(node).encode())


def subscribed_prefix(subscription: bytes) -> bytes:
    """Returns the prefix that a subscription, or a node's own one, says is subscribed to."""
    return subscription.partition(b"?")[0]


def event_topic(stream: str) -> bytes:
    """Returns the topic of the connection events of `stream`."""
    return b"event/%s/" % check_stream_name(stream).encode()


def node_topic(node: str) -> bytes:
    """Returns the topic of the heartbeat of `node`."""
    return b"node/%s/" % check_node_id(node).encode()
