"""Whatever a socket accepts, and whenever: the bytes are a multipart body, and the counts right."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import CloseReason, Overload
from streamer.fanout.backlog import every_part
from streamer.fanout.client import Client
from streamer.fanout.part import Batch, Part
from tests.streamer.frames import HEAD, no_part, part, targeted, text_part
from tests.streamer.outlet import FakeOutlet

from .watching import MIN_BUFFER, body, watching

SIZES = [10, 500, 1500, 3000]
LARGEST = part(0, max(SIZES)).size + 40
SMALLEST = min(part().size, text_part().size)
AMOUNTS = st.one_of(st.integers(0, 40), st.integers(0, 6000))


@cache
def images(number: int, size: int) -> Part:
    return part(number, size)


class AnyOutlet(RuleBasedStateMachine):
    """Offers to a client while its socket does what it likes."""

    client: Client
    outlet: FakeOutlet

    @initialize(advance=st.booleans(), overload=st.sampled_from(Overload), capacity=AMOUNTS)
    def join(self, advance: bool, overload: Overload, capacity: int) -> None:
        self.advance = advance
        self.latest = overload is Overload.LATEST
        self.offered = 0
        self.words: set[int] = set()
        self.credits: list[int] = []
        self.dropped = False
        self.client, self.outlet = watching(
            capacity,
            advance=advance,
            on_credit=self.credits.append,
            overload=overload,
            client_buffer_bytes=MIN_BUFFER,
            queue_bytes=2 * MIN_BUFFER,
            window=3,
        )

    # What the hub does.

    @rule(size=st.sampled_from(SIZES))
    @precondition(lambda self: self.client.ending is None)
    def offer(self, size: int) -> None:
        self.client.offer(images(self.offered, size))
        self.offered += 1

    @rule()
    @precondition(lambda self: self.client.ending is None)
    def offer_words(self) -> None:
        self.words.add(self.offered)
        self.client.offer(text_part(self.offered))
        self.offered += 1

    @rule(size=st.sampled_from(SIZES))
    @precondition(lambda self: self.client.ending is None)
    def offer_targeted(self, size: int) -> None:
        self.client.offer(targeted(self.offered, size))
        self.offered += 1

    @rule(sizes=st.lists(st.sampled_from(SIZES[:2]), min_size=2, max_size=5))
    @precondition(lambda self: self.client.ending is None)
    def offer_batch(self, sizes: list[int]) -> None:
        self.client.offer(Batch([images(self.offered + at, size) for at, size in enumerate(sizes)]))
        self.offered += len(sizes)

    @rule()
    @precondition(lambda self: self.offered and self.offered - 1 not in self.words)
    def repeat(self) -> None:
        if self.client.idle or self.client.behind:  # its newest part is not waiting here
            self.client.repeat(images(self.offered - 1, SIZES[0]), 1.0)

    @rule(drop=st.booleans())
    def finish(self, drop: bool) -> None:
        self.dropped |= drop
        self.client.finish(CloseReason.STOP, every_part if drop else no_part)

    # What the network does.

    @rule(capacity=AMOUNTS)
    def have_room_for(self, capacity: int) -> None:
        self.outlet.capacity = capacity

    @rule(number=AMOUNTS)
    def send(self, number: int) -> None:
        self.outlet.send(number)

    @rule(number=AMOUNTS)
    def acknowledge(self, number: int) -> None:
        self.outlet.acknowledge(number)

    @rule()
    def report_room(self) -> None:
        self.outlet.report_room(self.client)

    # What is promised.

    @invariant()
    def the_bytes_are_a_multipart_body(self) -> None:
        if len(self.outlet.received) >= len(HEAD):
            numbers = body(self.outlet).numbers
            assert numbers == sorted(numbers)
            assert self.client.parts + self.client.repeats <= len(numbers)
        else:
            assert HEAD.startswith(self.outlet.received)

    @invariant()
    def what_waits_is_bounded(self) -> None:
        if not self.latest or self.client.ending is not None:
            return
        waiting = self.offered - self.client.parts - self.client.skipped
        assert waiting * SMALLEST <= MIN_BUFFER + LARGEST
        assert self.outlet.unacknowledged() <= max(MIN_BUFFER, LARGEST) + LARGEST

    @invariant()
    def an_idle_client_has_nothing_to_wait_for(self) -> None:
        if self.client.idle:
            assert self.client.parts + self.client.skipped == self.offered
            assert not self.client.behind

    @invariant()
    def nothing_that_waits_is_forgotten(self) -> None:
        waiting = self.offered - self.client.parts - self.client.skipped
        if waiting and not self.outlet.aborted:
            assert self.outlet.wanted

    @invariant()
    def credits_grow(self) -> None:
        assert self.credits == sorted(self.credits)
        assert (self.credits or [0])[-1] <= self.client.delivered

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        if self.client.ending is None:
            self.client.finish(CloseReason.STOP, no_part)
        self.outlet.drain(self.client)
        if self.outlet.aborted:
            assert self.client.ending is CloseReason.OVERFLOW
            assert not self.latest
            return
        found = body(self.outlet)
        assert self.outlet.ended
        assert found.closed
        self._check_counts(found.numbers)

    def _check_counts(self, numbers: list[int]) -> None:
        client = self.client
        assert client.parts + client.skipped == self.offered
        # An open part is filled with the last frame, which is not counted.
        filled = len(numbers) - client.parts - client.repeats
        assert filled in ({0, 1} if self.advance else {0})
        assert len(set(numbers)) == client.parts
        if not self.latest and not self.dropped and not self.advance:
            assert numbers == sorted([*range(self.offered), *self._repeated(numbers)])

    @staticmethod
    def _repeated(numbers: list[int]) -> list[int]:
        return [later for earlier, later in pairwise(numbers) if earlier == later]


TestAnyOutlet = AnyOutlet.TestCase
TestAnyOutlet.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
