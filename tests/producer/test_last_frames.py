"""The last frame of a stream reaches streamers that subscribe after it was sent."""

from __future__ import annotations

import pytest

from producer.joining import SUBSCRIPTIONS_S
from producer.last_frames import AGAIN_AFTER_S, AGAIN_AT_ONCE, KEPT_BYTES, LastFrames
from protocol import AllClients, Frame, OneClient

from .core_bench import CAM1, Bench
from .fake_streamer import Message


def frame(stream: str, body: bytes = b"a picture", seq: int = 1) -> Frame:
    return Frame(AllClients(stream), body, seq=seq)


def due(last_frames: LastFrames, now: float) -> list[Frame]:
    return last_frames.due(now, lambda _: True)


# What is kept, without any socket.


def test_nothing_is_sent_again_before_somebody_subscribes() -> None:
    last_frames = LastFrames()
    last_frames.keep(frame("cam1"), 0.0)
    assert due(last_frames, 60.0) == []
    last_frames.subscribed(b"all/cam1/")
    assert due(last_frames, 60.0) == [frame("cam1")]


@pytest.mark.parametrize("prefix", [b"", b"all/", b"all/cam", b"all/cam1/"])
def test_every_stream_that_a_subscription_covers_has_been_missed(prefix: bytes) -> None:
    last_frames = LastFrames()
    last_frames.keep(frame("cam1"), 0.0)
    last_frames.keep(frame("door"), 0.0)
    last_frames.subscribed(prefix)
    assert frame("cam1") in due(last_frames, 60.0)
    assert (frame("door") in due(last_frames, 60.0)) == b"all/door/".startswith(prefix)


def test_a_young_frame_has_its_time_so_that_a_fast_stream_sends_nothing_twice() -> None:
    last_frames = LastFrames()
    for number in range(100):
        now = number * AGAIN_AFTER_S * 0.9
        last_frames.keep(frame("cam1", seq=number), now)
        last_frames.subscribed(b"all/")
        assert due(last_frames, now + AGAIN_AFTER_S * 0.89) == []
    assert due(last_frames, now + AGAIN_AFTER_S) == [frame("cam1", seq=99)]


def test_a_crowd_that_subscribes_at_once_is_sent_one_frame() -> None:
    last_frames = LastFrames()
    last_frames.keep(frame("cam1"), 0.0)
    sent = 0
    for look in range(100):
        now = 60.0 + look * AGAIN_AFTER_S / 100
        last_frames.subscribed(b"all/")
        for each in due(last_frames, now):
            last_frames.keep(each, now)
            sent += 1
    assert sent == 1


def test_what_was_stopped_is_not_sent_again() -> None:
    last_frames = LastFrames()
    last_frames.keep(frame("cam1"), 0.0)
    last_frames.subscribed(b"all/")
    last_frames.forget(b"all/cam1/")
    last_frames.forget(b"all/cam1/")
    last_frames.subscribed(b"all/")
    assert due(last_frames, 60.0) == []


def test_what_nobody_takes_any_more_is_not_sent_again() -> None:
    last_frames = LastFrames()
    last_frames.keep(frame("cam1"), 0.0)
    last_frames.subscribed(b"all/cam1/")
    assert last_frames.due(60.0, lambda _: False) == []
    assert due(last_frames, 60.0) == []


def test_many_streams_take_their_turns() -> None:
    last_frames = LastFrames()
    streams = {f"cam{number}" for number in range(3 * AGAIN_AT_ONCE)}
    for each in streams:
        last_frames.keep(frame(each), 0.0)
    last_frames.subscribed(b"all/")
    for _ in range(3):
        again = due(last_frames, 60.0)
        assert len(again) == AGAIN_AT_ONCE
        for sent in again:
            last_frames.keep(sent, 60.0)
            assert isinstance(sent.address, AllClients)
            streams.remove(sent.address.stream)
    assert not streams
    assert due(last_frames, 120.0) == []


def test_no_more_is_kept_than_the_limit_and_the_oldest_goes_first() -> None:
    last_frames = LastFrames()
    body = bytes(KEPT_BYTES // 10)
    for number in [*range(20), 11]:  # one after the other, and one of them once more
        last_frames.keep(frame(f"cam{number}", body), 0.0)
    last_frames.subscribed(b"all/")
    kept = [each.address for each in due(last_frames, 60.0)]
    assert set(kept) == {AllClients(f"cam{number}") for number in range(11, 20)}
    for number in range(100_000):
        last_frames.keep(frame(f"log{number}", b""), 60.0)
    last_frames.subscribed(b"all/log0/")
    last_frames.subscribed(b"all/log99999/")
    assert [each.address for each in due(last_frames, 99.0)] == [AllClients("log99999")]


# At a streamer.


def again(bench: Bench, *subscriptions: str) -> list[Message]:
    """Returns what comes when a node subscribes a minute later."""
    bench.streamer.wait_for(1)
    bench.streamer.messages.clear()
    bench.pass_time(60)
    bench.streamer.subscribe(*subscriptions)
    bench.until(lambda: bench.streamer.messages, "the last frame")
    return bench.streamer.messages


@pytest.mark.parametrize("subscription", ["all/cam1/", "all/cam", "all/?bbbb", "all/cam1/?bbbb"])
def test_who_subscribes_later_is_sent_the_last_frame_once_more(
    bench: Bench, subscription: str
) -> None:
    bench.join()
    bench.core.publish(bench.core.frame(CAM1, b"body", "text/plain", {"X-A": "1"}, 17))
    (message,) = again(bench, subscription)
    assert message.body == b"body"
    assert message.header == {
        "content_type": "text/plain",
        "headers": {"X-A": "1"},
        "time": 17,
        "seq": 1,
        "producer": bench.core.id,
        "retained": True,
    }
    assert bench.publish()
    assert bench.streamer.wait_for(2)[1].header["seq"] == 2


def test_a_frame_that_nobody_took_reaches_who_subscribes_later_with_the_next_number(
    bench: Bench,
) -> None:
    bench.join()
    assert bench.publish(b"first")
    bench.streamer.wait_for(1)
    bench.streamer.unsubscribe("all/")
    bench.until(lambda: not bench.core._channels.shared.covers(CAM1.topic), "it to leave")
    bench.clock.now += SUBSCRIPTIONS_S
    assert bench.publish(b"second") is False
    assert bench.publish(b"third") is False
    (message,) = again(bench, "all/cam1/")
    assert (message.body, message.header["seq"]) == (b"third", 2)
    assert message.header["retained"] is True
    (message,) = again(bench, "all/cam1/?bbbb")
    assert (message.header["seq"], message.header["retained"]) == (2, True)


def test_a_frame_published_while_there_is_no_streamer_reaches_the_one_that_comes(
    bench: Bench,
) -> None:
    bench.clock.now += 10  # longer than the first streamer is waited for
    assert bench.publish(b"first") is False
    assert bench.publish(b"second") is False
    bench.until(lambda: bench.core._channels.shared.covers(CAM1.topic), "a streamer")
    bench.clock.now += 1
    bench.look()
    (message,) = bench.streamer.wait_for(1)
    assert (message.body, message.header["retained"]) == (b"second", True)


def test_after_a_stop_there_is_no_last_frame(bench: Bench) -> None:
    bench.join()
    bench.publish()
    bench.stop()
    bench.core.publish(bench.core.frame(AllClients("door"), b"a door", None, None, None))
    bench.streamer.wait_for(3)
    assert [each.topic for each in again(bench, "all/?bbbb")] == ["all/door/"]


def test_a_stop_of_one_client_leaves_the_last_frame_of_its_stream(bench: Bench) -> None:
    bench.join()
    bench.publish()
    bench.core.stop(OneClient("aaaa-1"), now=False)
    bench.streamer.wait_for(2)
    assert [each.topic for each in again(bench, "all/?bbbb")] == ["all/cam1/"]


def test_a_targeted_frame_is_never_sent_again(bench: Bench) -> None:
    bench.follow("clip")
    client = bench.streamer.join("clip")
    bench.has(client)
    bench.until(lambda: bench.publish_to(client), "the frame")
    bench.until(bench.publish, "a frame for all")
    bench.streamer.wait_for(2)
    assert [each.topic for each in again(bench, "one/aaaa-1/", "all/?bbbb")] == ["all/cam1/"]


def test_a_frame_published_while_all_streamers_are_away_reaches_the_one_that_comes_back(
    bench: Bench,
) -> None:
    bench.join()
    assert bench.publish()
    bench.streamer.unsubscribe("all/")
    bench.streamer.unsubscribe("one/aaaa-")
    bench.until(lambda: not bench.core._channels.shared.is_joined, "all to leave")
    bench.clock.now += 60
    assert bench.publish(b"unsent") is False
    bench.streamer.messages.clear()
    bench.streamer.subscribe("all/")
    bench.until(bench.core.joined, "a streamer")
    bench.pass_time(2)
    (message,) = bench.streamer.wait_for(1)
    assert (message.body, message.header["retained"]) == (b"unsent", True)
