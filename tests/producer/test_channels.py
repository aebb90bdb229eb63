"""The sockets of a producer, at a streamer made of raw ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import msgpack
import pytest

from producer.channels import EVENTS_AT_ONCE, SHARED_HWM, Channels, Endpoints
from protocol import MalformedError, Notice
from tests.e2e.processes import eventually

from .fake_streamer import Context, FakeStreamer, bound_again

CAM1 = [b"all/cam1/", b"", b"a picture"]


@pytest.fixture
def channels(streamer: FakeStreamer) -> Iterator[Channels]:
    channels = Channels(Endpoints(*streamer.addresses))
    yield channels
    channels.close(0)


def join(channels: Channels, streamer: FakeStreamer, topic: bytes = b"all/") -> None:
    """Waits until all three sockets know that a topic is taken."""
    outgoing = (channels.shared, channels.targeted, channels.control)

    def covered() -> bool:
        streamer.look()
        channels.look()
        return all(each.covers(topic) for each in outgoing)

    eventually(covered, f"a subscription to {topic!r}")


def heard(channels: Channels, number: int) -> list[Notice]:
    notices: list[Notice] = []

    def enough() -> bool:
        notices.extend(channels.notices())
        return len(notices) >= number

    eventually(enough, f"{number} notices")
    return notices


# Subscriptions.


def test_a_subscription_covers_the_topics_that_begin_with_it(
    channels: Channels, streamer: FakeStreamer
) -> None:
    assert not channels.shared.is_joined
    assert not channels.shared.covers(b"all/cam1/")
    join(channels, streamer)
    streamer.unsubscribe("all/")
    streamer.subscribe("all/cam1/")
    join(channels, streamer, b"all/cam1/")
    eventually(
        lambda: (
            (streamer.look(), channels.look(), channels.shared.covers(b"all/cam2/"))[2] is False
        ),
        "the subscription to end",
    )
    assert channels.shared.is_joined
    assert not channels.shared.covers(b"all/cam10/")
    assert channels.shared.covers(b"one/aaaa-17/")
    assert not channels.shared.covers(b"one/bbbb-17/")


def test_of_two_subscriptions_as_long_as_each_other_one_may_end(
    channels: Channels, streamer: FakeStreamer
) -> None:
    streamer.subscribe("all/cam1/", "all/cam2/")
    streamer.unsubscribe("all/")
    join(channels, streamer, b"all/cam2/")
    streamer.unsubscribe("all/cam1/")
    eventually(
        lambda: (streamer.look(), channels.look(), not channels.shared.covers(b"all/cam1/"))[2],
        "the subscription to end",
    )
    assert channels.shared.covers(b"all/cam2/")


def test_it_is_told_once_that_subscriptions_have_changed(
    channels: Channels, streamer: FakeStreamer
) -> None:
    eventually(lambda: (streamer.look(), channels.look().changed)[1], "a change")
    join(channels, streamer, b"one/aaaa-1/")
    assert not channels.look().changed


def test_what_was_subscribed_ends_with_the_connection(
    channels: Channels, streamer: FakeStreamer
) -> None:
    join(channels, streamer)
    streamer.close()
    parted: list[bytes] = []

    def ended() -> bool:
        parted.extend(channels.look().parted)
        return not any(
            each.is_joined for each in (channels.shared, channels.targeted, channels.control)
        )

    eventually(ended, "the subscriptions to end")
    assert sorted(parted) == [b"all/", b"one/aaaa-"]


# Frames.


def test_a_streamer_that_comes_back_does_not_get_what_was_published_meanwhile(
    channels: Channels, streamer: FakeStreamer, context: Context
) -> None:
    join(channels, streamer)
    streamer.close()
    eventually(lambda: (channels.look(), channels.shared.is_joined)[1] is False, "the end")
    for _ in range(100):
        channels.shared.send([b"all/cam1/", b"", b"old"])
    again = bound_again(context, streamer.addresses)
    join(channels, again)
    assert channels.shared.send([b"all/cam1/", b"", b"new"])
    (message,) = again.wait_for(1)
    assert message.body == b"new"


def test_what_has_no_room_is_refused_and_what_is_taken_arrives(
    context: Context,
) -> None:
    streamer = FakeStreamer(context, receive_hwm=1)
    streamer.subscribe()
    channels = Channels(Endpoints(*streamer.addresses))
    join(channels, streamer)
    body = bytes(100_000)
    taken = 0
    while channels.shared.send([b"all/cam1/", b"", taken.to_bytes(4) + body]):
        taken += 1
        assert taken < 100 * SHARED_HWM
    assert taken >= SHARED_HWM
    # Nobody reads on, and yet a stop has its way.
    assert channels.control.send([b"all/cam1/", msgpack.packb({"type": "stop"}), b""])
    messages = streamer.wait_for(taken + 1)
    numbers = [int.from_bytes(each.body[:4]) for each in messages if each.body]
    assert numbers == list(range(taken))
    assert channels.shared.send(CAM1)
    channels.close(0)


def test_a_large_body_arrives_as_it_was(channels: Channels, streamer: FakeStreamer) -> None:
    join(channels, streamer)
    body = bytes(range(256)) * 4096
    assert channels.shared.send([b"all/cam1/", b"", body])
    assert streamer.wait_for(1)[0].body == body


def test_what_was_sent_leaves_before_the_end(streamer: FakeStreamer) -> None:
    channels = Channels(Endpoints(*streamer.addresses))
    join(channels, streamer)
    for _ in range(100):
        channels.shared.send(CAM1)
    channels.close()
    assert len(streamer.wait_for(100)) == 100


# Events.


def test_nodes_are_followed_from_the_start_and_a_stream_once(
    channels: Channels, streamer: FakeStreamer
) -> None:
    for _ in range(3):
        channels.follow("cam1")
        channels.follow(None)
    streamer.wait_for_question("event/")
    assert streamer.asked == [b"\1node/", b"\1event/cam1/", b"\1event/"]


def test_a_question_goes_out_each_time_and_leaves_what_is_followed(
    channels: Channels, streamer: FakeStreamer
) -> None:
    channels.follow("cam1")
    for _ in range(3):
        channels.ask_for_snapshot("cam1")
    channels.ask_for_snapshot("cam2")
    streamer.wait_for_question("event/cam2/")
    streamer.pause(0.05)
    assert streamer.asked[1:] == [b"\1event/cam1/"] * 4 + [b"\1event/cam2/", b"\0event/cam2/"]
    streamer.answer("cam1")
    streamer.answer("cam2")
    streamer.beat()
    first, second = heard(channels, 2)
    assert getattr(first.event, "stream", None) == "cam1"
    assert second.node == "aaaa"


def test_malformed_notices_are_passed_over(channels: Channels, streamer: FakeStreamer) -> None:
    streamer.wait_for_question("node/")
    streamer.send_raw(b"node/aaaa/", b"\xc1")
    streamer.send_raw(b"node/aaaa/")
    streamer.send_raw(b"node/bbbb/", msgpack.packb({"type": "goodbye", "node": "aaaa"}))
    streamer.say("node/aaaa/", "of a later version")
    streamer.beat()
    (notice,) = heard(channels, 1)
    assert notice.seq == 2


def test_a_flood_of_events_is_taken_in_by_and_by(
    channels: Channels, streamer: FakeStreamer
) -> None:
    streamer.wait_for_question("node/")
    number = 3 * EVENTS_AT_ONCE
    for _ in range(number):
        streamer.beat()
    notices: list[Notice] = []

    def all_of_them() -> bool:
        some = list(channels.notices())
        assert len(some) <= EVENTS_AT_ONCE
        notices.extend(some)
        return len(notices) == number

    eventually(all_of_them, "all of the flood")
    assert [each.seq for each in notices] == list(range(1, number + 1))


@pytest.mark.parametrize("malformed", [0, 1, EVENTS_AT_ONCE])
def test_it_is_told_whether_more_has_come_than_was_taken(
    channels: Channels, streamer: FakeStreamer, malformed: int
) -> None:
    streamer.wait_for_question("node/")
    for number in range(2 * EVENTS_AT_ONCE):
        if number < malformed:
            streamer.send_raw(b"node/aaaa/", b"\xc1")
        else:
            streamer.beat()
    streamer.pause(0.2)  # all of them have arrived: nothing will become readable any more
    heard_of = len(list(channels.notices()))
    assert heard_of == EVENTS_AT_ONCE - malformed
    assert channels.has_more
    assert len(list(channels.notices())) == EVENTS_AT_ONCE
    assert not channels.has_more


# Endpoints.


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "5555",
        "tcp://127.0.0.1",
        "http://127.0.0.1:5555",
        "tcp://127.0.0.1:0",
        "tcp://[::1]:99999",
    ],
)
def test_an_endpoint_that_is_none_is_refused_in_one_line(bad: str) -> None:
    for endpoints in (Endpoints(frames=bad), Endpoints(events=bad)):
        with pytest.raises(ValueError, match="allowed is a ZeroMQ endpoint") as caught:
            Channels(endpoints)
        assert repr(bad) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not isinstance(caught.value, MalformedError)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_in_brackets_is_one_of_ipv6(context: Context) -> None:
    streamer = FakeStreamer(context, "tcp://[::1]:*", "tcp://[::1]:*")
    streamer.subscribe()
    channels = Channels(Endpoints(*streamer.addresses))
    join(channels, streamer)
    channels.close(0)
