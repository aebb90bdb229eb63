"""Values of the wire for property tests, and whatever else msgpack can hold."""

from __future__ import annotations

import os
from typing import Any

import msgpack
from hypothesis import settings
from hypothesis import strategies as st

from protocol import (
    Address,
    AllClients,
    ClosedConnection,
    CloseReason,
    Credit,
    Event,
    Frame,
    Goodbye,
    Heartbeat,
    Message,
    NewConnection,
    NoConnection,
    Notice,
    OneClient,
    Overload,
    Snapshot,
    Status,
    Stop,
    StreamState,
    Watcher,
)
from protocol.fields import FIELD_NAME, FIELD_VALUE
from protocol.names import CLIENT_ID, NODE_ID, STREAM_NAME

# No deadline: a busy machine is no broken promise. The same examples in every run of CI.
quick = settings(deadline=None, max_examples=200, derandomize="CI" in os.environ)

stream_names = st.from_regex(STREAM_NAME, fullmatch=True)
node_ids = st.from_regex(NODE_ID, fullmatch=True)
client_ids = st.from_regex(CLIENT_ID, fullmatch=True)
uints = st.integers(0, 2**64 - 1)
seconds = st.floats(0, 1e300) | st.integers(0, 1_000_000)
tokens = st.from_regex(FIELD_NAME, fullmatch=True)
headers = st.dictionaries(tokens, st.from_regex(FIELD_VALUE, fullmatch=True), max_size=3)
media_types = st.builds("{}/{}{}".format, tokens, tokens, st.sampled_from(["", "; q=1", ";a=é"]))
addresses: st.SearchStrategy[Address] = st.builds(AllClients, stream_names) | st.builds(
    OneClient, client_ids
)

frames = st.builds(
    Frame,
    addresses,
    st.binary(max_size=50),
    content_type=st.none() | media_types,
    headers=headers,
    time=st.none() | uints,
    seq=st.none() | uints,
    producer=st.none() | st.text(),
    retained=st.booleans(),
)
stops = st.builds(Stop, addresses, seq=st.none() | uints, producer=st.none() | st.text())
messages: st.SearchStrategy[Message] = frames | stops

queries = st.dictionaries(st.text(), st.text(), max_size=3)
overloads = st.sampled_from(Overload)
windows = st.none() | uints
new_connections = st.builds(
    NewConnection, stream_names, client_ids, uints, st.text(), queries, overloads, windows
)
closed_connections = st.builds(
    ClosedConnection,
    stream_names,
    client_ids,
    uints,
    st.sampled_from([each for each in CloseReason if each is not CloseReason.LOST]),
    seconds,
    uints,
    uints,
    uints,
    uints,
)
watchers = st.builds(Watcher, client_ids, queries, overloads, windows, uints)
snapshots = st.builds(Snapshot, stream_names, uints, st.lists(watchers, max_size=3).map(tuple))
states = st.builds(StreamState, uints, st.sampled_from(Status), uints, uints, uints)
heartbeats = st.builds(
    Heartbeat, seconds.filter(bool), st.dictionaries(stream_names, states, max_size=3)
)
events: st.SearchStrategy[Event] = st.one_of(
    new_connections,
    closed_connections,
    st.builds(NoConnection, stream_names),
    st.builds(Credit, stream_names, client_ids, uints),
    snapshots,
    heartbeats,
    st.just(Goodbye()),
)
notices = st.builds(Notice, node_ids, uints, uints, events)

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=10),
    st.binary(max_size=10),
    st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=10)),
    st.builds(msgpack.Timestamp, st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**9 - 1)),
)
objects: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=8,
)
