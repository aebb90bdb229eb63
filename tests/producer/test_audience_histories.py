"""Whatever is lost, doubled, late or dead: the audience comes back to the truth."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from producer.asking import AGAIN_AFTER_S, MOST_AGAIN_AFTER_S, SPREAD
from producer.audience import MISSED_HEARTBEATS, MOST_PATIENCE, Audience
from producer.following import Totals
from producer.node import PROVEN_FOR_S, UNKNOWN_INTERVAL_S
from protocol import ClosedConnection, Event, NewConnection, NoConnection, node_of

from .nodes import KINDS, TrueNode

STREAMS = ("cam1", "cam2")
MAX_NODES = 4
STEP_S = 0.5
LONGEST_INTERVAL_S = 4.0
# A question may have just been asked in vain, and a heartbeat have just come.
SOON_S = MOST_AGAIN_AFTER_S * SPREAD + 5
# What leaves no trace shows when what is known is no longer trusted; a node of which no
# heartbeat came may have a long interval.
QUIET_S = max(PROVEN_FOR_S * MOST_PATIENCE + 5, MISSED_HEARTBEATS * UNKNOWN_INTERVAL_S + 5)

nodes = st.integers(0, MAX_NODES - 1)
streams = st.sampled_from(STREAMS)
few = st.integers(1, 4)


class Followed:
    """The truth as somebody knows it who has only the events."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        self._totals = Totals()

    def take(self, events: Iterable[Event]) -> None:
        for event in self._totals.over_nodes(events):
            match event:
                case NewConnection(stream, client, connections):
                    assert client not in self.open, f"{client} was opened twice"
                    self.open[client] = stream
                    assert connections == self.count(stream)
                case ClosedConnection(stream, client, connections):
                    assert self.open.pop(client, None) == stream, f"{client} was not open"
                    assert connections == self.count(stream)
                case NoConnection(stream):
                    assert self.count(stream) == 0
                case _:
                    pass

    def count(self, stream: str) -> int:
        return sum(each == stream for each in self.open.values())


class Histories(RuleBasedStateMachine):
    """Several nodes, and a producer that hears of them what comes through."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.audience = Audience(random.Random(7))
        self.followed = Followed()
        self.nodes: list[TrueNode] = []
        self.started = 0
        self.asked_at: dict[str, float] = {}

    @initialize()
    def begin(self) -> None:
        self._start(KINDS, 1.0)

    # What nodes and clients do.

    @rule(
        kinds=st.sets(st.sampled_from(KINDS)),
        interval_s=st.sampled_from([0.5, 1.0, LONGEST_INTERVAL_S]),
    )
    def start_a_node(self, kinds: set[str], interval_s: float) -> None:
        if sum(each.alive for each in self.nodes) < MAX_NODES:
            self._start(kinds, interval_s)

    @rule(number=nodes, stream=streams, clients=few)
    def clients_come(self, number: int, stream: str, clients: int) -> None:
        for _ in range(clients):
            self._node(number).join(stream)

    @rule(number=nodes, stream=streams, which=few)
    def a_client_goes(self, number: int, stream: str, which: int) -> None:
        node = self._node(number)
        clients = list(node.streams.get(stream, ()))
        if clients:
            node.leave(stream, clients[which % len(clients)])

    @rule(number=nodes, stream=streams)
    def parts_are_delivered(self, number: int, stream: str) -> None:
        node = self._node(number)
        for client in node.streams.get(stream, ()):
            node.deliver(stream, client)

    @rule(number=nodes, goodbye=st.booleans())
    def a_node_ends(self, number: int, goodbye: bool) -> None:
        node = self._node(number)
        node.end(goodbye=goodbye)
        if not any(each.alive for each in self.nodes):
            self._start(KINDS, 1.0)

    # What happens on the way.

    @rule(number=nodes, stream=streams, which=few, come_through=st.integers(0, 31))
    def a_client_is_replaced_and_only_some_is_heard(
        self, number: int, stream: str, which: int, come_through: int
    ) -> None:
        node = self._node(number)
        heard = len(node.wire)
        self.a_client_goes(number, stream, which)
        node.join(stream)
        said = [node.wire.pop() for _ in range(len(node.wire) - heard)][::-1]
        node.wire += [each for bit, each in enumerate(said) if come_through & 1 << bit]

    @rule(number=nodes, lost=few)
    def the_next_messages_are_lost(self, number: int, lost: int) -> None:
        wire = self._any(number).wire
        for _ in range(min(lost, len(wire))):
            wire.popleft()

    @rule(number=nodes, which=st.integers(0, 50))
    def a_message_comes_twice(self, number: int, which: int) -> None:
        node = self._any(number)
        if node.heard:
            again = node.heard[which % len(node.heard)]
            assert self.audience.hear(again, self.now) == []

    @rule(number=nodes, messages=few)
    def messages_come(self, number: int, messages: int) -> None:
        self._carry(self._any(number), messages)

    @rule(number=nodes)
    def a_link_breaks(self, number: int) -> None:
        node = self._node(number)
        node.cut = True
        node.wire.clear()

    @rule(number=nodes)
    def a_link_heals(self, number: int) -> None:
        node = self._node(number)
        if node.cut:
            self._heal(node)

    # What the producer does.

    @rule(steps=st.integers(1, 12), answered=st.booleans())
    def time_passes(self, steps: int, answered: bool) -> None:
        for _ in range(steps):
            self._step(answered=answered)

    @rule(seconds=st.floats(2.0, 300.0), late=st.booleans())
    def the_producer_is_suspended(self, seconds: float, late: bool) -> None:
        for _ in range(int(LONGEST_INTERVAL_S / STEP_S)):
            self._step(answered=True)
        reached = {each.name for each in self.nodes if each.alive and not each.cut}
        self.now += seconds
        if late:  # what waits has not come up yet when we look first
            self.followed.take(self.audience.pass_time(self.now))
            assert reached <= set(self.audience.nodes)
        self._carry_all()
        self.followed.take(self.audience.pass_time(self.now))
        assert reached <= set(self.audience.nodes)

    @invariant()
    def what_the_events_say_is_what_the_audience_knows(self) -> None:
        for stream in STREAMS:
            known = {each.client for each in self.audience.clients(stream)}
            assert known == {each for each, at in self.followed.open.items() if at == stream}

    def teardown(self) -> None:
        """A last loss, then a quiet time in which heartbeats come and questions are answered."""
        live = [each for each in self.nodes if each.alive]
        for node in live:
            if node.cut:
                self._heal(node)
            for stream in STREAMS:
                node.streams.setdefault(stream, {})
        shown, hidden = STREAMS
        for number, node in enumerate(live):
            self.a_client_is_replaced_and_only_some_is_heard(number, shown, 1, 0)
            node.join(shown)  # what comes after a gap shows it
            if node.streams[hidden]:
                self.a_client_is_replaced_and_only_some_is_heard(number, hidden, 1, 0)
        self._be_quiet(SOON_S)
        for node in live:
            known = self._known(node, shown)
            assert len(known) == len(node.streams[shown])
            assert not node.tells_all or known == node.streams[shown]
        self._be_quiet(QUIET_S)
        for stream in STREAMS:
            truth = sum(len(node.streams[stream]) for node in live)
            assert all(self._known(node, stream) == node.streams[stream] for node in live)
            assert len(self.audience.clients(stream)) == truth
            assert self.audience.connections(stream) == truth
            assert self.followed.count(stream) == truth
        assert set(self.audience.nodes) == self._live_names()

    # Within.

    def _be_quiet(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP_S)):
            self._step(answered=True)

    def _known(self, node: TrueNode, stream: str) -> dict[str, int]:
        clients = self.audience.clients(stream)
        return {
            each.client: each.delivered for each in clients if node_of(each.client) == node.name
        }

    def _start(self, kinds: Iterable[str], interval_s: float) -> None:
        self.started += 1
        node = TrueNode(f"node{self.started}", frozenset(kinds), interval_s, self.now)
        self.nodes.append(node)
        for stream in STREAMS:
            node.answer(stream)

    def _heal(self, node: TrueNode) -> None:
        node.cut = False
        for stream in STREAMS:  # the new connection begins with our subscriptions
            node.answer(stream)

    def _live_names(self) -> set[str]:
        return {each.name for each in self.nodes if each.alive}

    def _node(self, number: int) -> TrueNode:
        live = [each for each in self.nodes if each.alive]
        return live[number % len(live)]

    def _any(self, number: int) -> TrueNode:
        return self.nodes[-1 - number % len(self.nodes)]

    def _carry(self, node: TrueNode, messages: int) -> None:
        for _ in range(min(messages, len(node.wire))):
            node.heard.append(node.wire.popleft())
            self.followed.take(self.audience.hear(node.heard[-1], self.now))

    def _carry_all(self) -> None:
        for node in self.nodes:
            node.beat_when_due(self.now)
            self._carry(node, len(node.wire))

    def _step(self, *, answered: bool) -> None:
        self.now += STEP_S
        self._carry_all()
        self.followed.take(self.audience.pass_time(self.now))
        for stream in self.audience.to_ask(None, self.now):
            assert self.now - self.asked_at.get(stream, 0.0) >= AGAIN_AFTER_S, "a storm"
            self.asked_at[stream] = self.now
            for node in self.nodes:
                if answered and node.alive:
                    node.answer(stream)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    deadline=None, derandomize=True, max_examples=200, stateful_step_count=30
)
