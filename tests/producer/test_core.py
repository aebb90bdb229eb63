"""Attempts that never wait."""

from __future__ import annotations

import pytest

from producer.channels import SHARED_HWM, TARGETED_HWM
from producer.core import ClientGone
from producer.departures import SEARCH_S
from producer.joining import JOIN_TIMEOUT_S, SUBSCRIPTIONS_S
from producer.waiting import EVERYTHING
from protocol import Frame, OneClient

from .core_bench import CAM1, Bench
from .fake_streamer import FakeStreamer

# Publishing to all.


def test_a_frame_carries_what_was_given_its_number_and_its_producer(bench: Bench) -> None:
    bench.join()
    for _ in range(2):
        frame = bench.core.frame(CAM1, b"body", "text/plain", {"X-A": "1"}, 17)
        assert bench.core.publish(frame)
    first, second = bench.streamer.wait_for(2)
    assert first.topic == "all/cam1/"
    assert first.body == b"body"
    assert first.header == {
        "content_type": "text/plain",
        "headers": {"X-A": "1"},
        "time": 17,
        "seq": 1,
        "producer": bench.core.id,
    }
    assert second.header["seq"] == 2


def test_what_becomes_of_the_callers_headers_is_not_sent(bench: Bench) -> None:
    headers = {"X-A": "1"}
    frame = bench.core.frame(CAM1, b"body", None, headers, None)
    headers["X-A"] = "2"
    bench.join()
    assert bench.core.publish(frame)
    assert bench.streamer.wait_for(1)[0].header["headers"] == {"X-A": "1"}


def test_a_first_frame_is_attempted_again_until_a_streamer_has_had_its_time(bench: Bench) -> None:
    assert bench.publish() is None
    bench.clock.now += JOIN_TIMEOUT_S
    assert bench.publish() is False


def test_where_others_are_subscribed_to_a_frame_waits_a_moment_only(
    bench: Bench,
) -> None:
    bench.streamer.unsubscribe("all/")
    bench.until(bench.core.joined, "a streamer")
    assert bench.publish() is None
    bench.clock.now += SUBSCRIPTIONS_S
    assert bench.publish() is False


def test_what_nobody_took_is_not_numbered(bench: Bench) -> None:
    bench.clock.now += JOIN_TIMEOUT_S
    for _ in range(3):
        assert bench.publish() is False
    bench.join()
    assert bench.publish() is True
    assert bench.streamer.wait_for(1)[0].header["seq"] == 1


def test_a_frame_behind_too_many_others_is_refused(streamer: FakeStreamer) -> None:
    bench = Bench(FakeStreamer(streamer.context, receive_hwm=1))
    bench.streamer.subscribe()
    bench.join()
    sent = 0
    while bench.publish(bytes(100_000)):
        sent += 1
        assert sent < 100 * SHARED_HWM
    assert sent >= SHARED_HWM
    messages = bench.streamer.wait_for(sent)
    assert [each.header["seq"] for each in messages] == list(range(1, sent + 1))
    bench.core.close()


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"xabcx")[1:4]])
def test_whatever_holds_bytes_is_a_body(bench: Bench, body: bytearray | memoryview) -> None:
    bench.join()
    assert bench.core.publish(bench.core.frame(CAM1, body, None, None, None))
    assert bench.streamer.wait_for(1)[0].body == b"abc"


@pytest.mark.parametrize("body", ["text", 5, None])
def test_a_body_that_is_not_bytes_is_refused_in_one_line(bench: Bench, body: object) -> None:
    with pytest.raises(TypeError, match=f"body is a {type(body).__name__}: allowed are bytes"):
        bench.core.frame(CAM1, body, None, None, None)  # type: ignore[arg-type]


def test_what_the_wire_does_not_allow_is_refused_before_anything_is_sent(bench: Bench) -> None:
    with pytest.raises(ValueError, match="content_type"):
        bench.core.frame(CAM1, b"", "nonsense", None, None)
    with pytest.raises(ValueError, match="header"):
        bench.core.frame(CAM1, b"", None, {"a b": "c"}, None)
    with pytest.raises(ValueError, match=r"value of header Content-Type .* is not Unicode"):
        bench.core.frame(CAM1, b"", None, {"Content-Type": "\udcff"}, None)
    with pytest.raises(ValueError, match="time"):
        bench.core.frame(CAM1, b"", None, None, -1)


# Publishing to one.


def test_a_frame_for_one_client_waits_for_credit(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=2)
    bench.has(client)
    assert [bench.publish_to(client) for _ in range(3)] == [True, True, None]
    bench.changes.clear()
    bench.streamer.credit("clip", client, 1)
    bench.until(lambda: client in bench.changes, "the credit")
    assert [bench.publish_to(client) for _ in range(2)] == [True, None]
    topics = [each.topic for each in bench.streamer.wait_for(3)]
    assert topics == [f"one/{client}/"] * 3


def test_a_frame_for_one_client_waits_for_the_subscription_of_its_node(bench: Bench) -> None:
    bench.streamer.unsubscribe("one/aaaa-")
    bench.until(bench.core.joined, "a streamer")
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    bench.until(lambda: bench.publish_to(client) is None, "the subscription to end")
    bench.streamer.subscribe("one/aaaa-")
    bench.until(lambda: bench.publish_to(client), "the subscription")


def test_a_client_that_has_left_is_gone(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    assert bench.core.gone(client) is None
    bench.streamer.leave("clip", client)
    bench.until(lambda: bench.core.gone(client), "the client to leave")
    with pytest.raises(ClientGone):
        bench.publish_to(client)


def test_a_client_that_has_left_leaves_no_window_behind(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=2)
    bench.has(client)
    assert bench.publish_to(client)
    assert bench.core._window._flows
    bench.streamer.leave("clip", client)
    bench.until(lambda: bench.core.gone(client), "the client to leave")
    assert not bench.core._window._flows


def test_a_client_of_which_only_others_have_told_us_is_looked_for(bench: Bench) -> None:
    bench.join()
    assert bench.publish_to("aaaa-7") is None
    bench.streamer.wait_for_question("event/")
    bench.streamer.answer("clip", "aaaa-7", window=1)
    bench.has("aaaa-7")
    assert [bench.publish_to("aaaa-7") for _ in range(2)] == [True, None]


def test_a_client_that_no_node_has_is_gone_after_a_while(bench: Bench) -> None:
    bench.join()
    assert bench.publish_to("aaaa-7") is None
    bench.clock.now += SEARCH_S - 0.1
    assert bench.publish_to("aaaa-7") is None
    bench.clock.now += 0.1
    with pytest.raises(ClientGone, match="no node has it"):
        bench.publish_to("aaaa-7")
    # Each is looked for as long, though all nodes are followed by now.
    assert bench.publish_to("aaaa-8", since=bench.clock.now) is None


def test_a_targeted_frame_without_room_is_attempted_again_when_something_moves(
    streamer: FakeStreamer,
) -> None:
    bench = Bench(FakeStreamer(streamer.context, receive_hwm=1))
    bench.streamer.subscribe()
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    frame = bench.core.frame(OneClient(client), bytes(5_000), None, None, None)
    sent = 0
    while bench.core.publish_to(frame, client, 0.0):
        sent += 1
        assert sent < 100 * TARGETED_HWM
    assert EVERYTHING in bench.core.look()
    assert EVERYTHING not in bench.core.look()
    messages = bench.streamer.wait_for(sent)
    assert bench.core.publish_to(frame, client, 0.0)
    assert [each.header["seq"] for each in messages] == list(range(1, sent + 1))
    bench.core.close()


def test_what_was_under_way_when_the_link_broke_does_not_count_for_ever(bench: Bench) -> None:
    bench.join()
    bench.follow("clip")
    client = bench.streamer.join("clip", window=1)
    bench.has(client)
    assert [bench.publish_to(client) for _ in range(2)] == [True, None]
    bench.streamer.unsubscribe("one/aaaa-")
    bench.streamer.unsubscribe("all/")
    targeted = bench.core._channels.targeted
    bench.until(lambda: not targeted.is_joined, "the link to break")
    bench.streamer.subscribe()
    bench.until(lambda: bench.publish_to(client), "the link to heal")


# Stops.


def test_a_stop_comes_behind_the_last_frame_that_was_sent(bench: Bench) -> None:
    bench.join()
    for _ in range(3):
        assert bench.publish()
    assert bench.stop()
    stop = next(each for each in bench.streamer.wait_for(4) if "type" in each.header)
    assert stop.header == {"type": "stop", "seq": 3, "producer": bench.core.id}
    assert stop.body == b""


def test_a_stop_at_once_names_no_frame_and_neither_does_one_where_there_was_none(
    bench: Bench,
) -> None:
    bench.join()
    assert bench.stop()
    assert bench.publish()
    assert bench.stop(now=True)
    stops = [each for each in bench.streamer.wait_for(3) if "type" in each.header]
    assert [each.header for each in stops] == [{"type": "stop"}, {"type": "stop"}]


def test_a_stop_waits_for_a_streamer_as_a_first_frame_does(bench: Bench) -> None:
    assert bench.core.stop(CAM1, now=False) is None
    bench.clock.now += JOIN_TIMEOUT_S
    assert bench.core.stop(CAM1, now=False) is False


def test_a_frame_is_not_numbered_before_it_is_sent(bench: Bench) -> None:
    frame = bench.core.frame(CAM1, b"", None, None, None)
    assert frame == Frame(CAM1, b"")
