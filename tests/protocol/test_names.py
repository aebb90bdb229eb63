"""Names, and the topics made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    ALL_PREFIX,
    EVENT_PREFIX,
    NODE_PREFIX,
    Address,
    AllClients,
    MalformedError,
    OneClient,
    Refusal,
    check_client_id,
    check_node_id,
    check_stream_name,
    event_topic,
    is_stream_name,
    node_of,
    node_subscription,
    node_topic,
    own_subscription,
    parse_topic,
    subscribed_prefix,
)

from .strategies import addresses, client_ids, node_ids, quick, stream_names

# Not strings, on the wire of others.
NO_STRINGS = [None, 1, b"cam1", ["cam1"], {"cam1": 1}]


@pytest.mark.parametrize("name", NO_STRINGS)
def test_a_name_is_a_string(name: object) -> None:
    for check in (check_stream_name, check_node_id, check_client_id):
        with pytest.raises(MalformedError) as refused:
            check(name)  # type: ignore[arg-type]
        assert refused.value.reason is Refusal.BAD_TOPIC


@given(stream_names)
@quick
def test_a_stream_name_that_matches_is_taken(name: str) -> None:
    assert check_stream_name(name) == name
    assert is_stream_name(name)


@given(client_ids)
@quick
def test_a_client_id_begins_with_the_id_of_its_node(client: str) -> None:
    node = node_of(check_client_id(client))
    assert check_node_id(node) == node
    assert client.startswith(f"{node}-")


@given(addresses)
@quick
def test_a_topic_leads_back_to_its_address(address: Address) -> None:
    assert parse_topic(address.topic) == address


@pytest.mark.parametrize("bad", ["", "a/b", "cam 1", "-cam", "x" * 65])
def test_an_address_cannot_be_made_of_a_bad_name(bad: str) -> None:
    for kind in (AllClients, OneClient):
        with pytest.raises(ValueError, match="allowed"):
            kind(bad)


@given(st.binary(max_size=100) | st.builds(bytes.__add__, st.just(b"all/"), st.binary()))
@quick
def test_any_topic_is_an_address_or_refused(topic: bytes) -> None:
    try:
        address = parse_topic(topic)
    except MalformedError:
        return
    assert address.topic == topic


def test_a_refusal_quotes_no_more_than_the_beginning_of_a_topic() -> None:
    for topic in (b"all/%s/" % (b"x" * 10_000_000), b"\xff" * 10_000_000):
        with pytest.raises(MalformedError) as refused:
            parse_topic(topic)
        assert len(str(refused.value)) < 500


@given(node_ids, client_ids)
@quick
def test_a_node_subscribes_to_its_own_clients_and_no_others(node: str, client: str) -> None:
    covered = OneClient(client).topic.startswith(node_subscription(node))
    assert covered == (node_of(client) == node)


@given(stream_names, stream_names)
@quick
def test_a_topic_covers_no_stream_whose_name_is_longer(one: str, other: str) -> None:
    assert AllClients(other).topic.startswith(AllClients(one).topic) == (one == other)
    assert event_topic(other).startswith(event_topic(one)) == (one == other)


def test_the_prefixes_cover_the_topics_of_their_channel() -> None:
    assert AllClients("cam1").topic.startswith(ALL_PREFIX)
    assert event_topic("cam1").startswith(EVENT_PREFIX)
    assert node_topic("k3x9").startswith(NODE_PREFIX)


@pytest.mark.parametrize("make", [node_subscription, node_topic])
def test_no_topic_is_made_of_a_bad_node_id(make: object) -> None:
    assert callable(make)
    with pytest.raises(MalformedError):
        make("K3X9")


def test_a_nodes_own_subscription_has_no_equal_and_matches_no_topic() -> None:
    own = own_subscription(b"all/cam1/", "k3x9a7")
    assert own == b"all/cam1/?k3x9a7"
    assert own != own_subscription(b"all/cam1/", "k3x9a8")
    with pytest.raises(MalformedError):
        parse_topic(own + b"/")
    assert subscribed_prefix(own) == subscribed_prefix(b"all/cam1/") == b"all/cam1/"
