"""One channel of a relay: subscriptions up, messages down, all counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from streamer.channels.zeromq import EndpointError
from streamer.relay.proxy import Ends, Proxy
from tests.e2e.processes import eventually

Context = zmq.Context[zmq.Socket[bytes]]
Socket = zmq.Socket[bytes]

ANYWHERE = "tcp://127.0.0.1:0"
MAX_BYTES = 100_000
PATIENCE_MS = 10_000
# Silence is only shown by waiting; what is expected otherwise comes in a millisecond, ms.
SILENCE_MS = 200


def _proxy(context: Context, *, verbose: bool = False, name: str = "frames") -> Proxy:
    ends = Ends(publishers=ANYWHERE, subscribers=ANYWHERE)
    proxy = Proxy(context, name, ends, hwm=256, max_bytes=MAX_BYTES, verbose=verbose)
    proxy.start()
    return proxy


@pytest.fixture
def proxy(context: Context) -> Iterator[Proxy]:
    proxy = _proxy(context)
    yield proxy
    proxy.stop()


@pytest.fixture
def verbose(context: Context) -> Iterator[Proxy]:
    proxy = _proxy(context, verbose=True)
    yield proxy
    proxy.stop()


class Peers:
    """Sockets that are closed after the test."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.opened: list[Socket] = []

    def publisher(self, proxy: Proxy) -> Socket:
        publisher = self._open(zmq.XPUB)
        publisher.setsockopt(zmq.XPUB_VERBOSER, 1)
        publisher.connect(proxy.publishers)
        return publisher

    def subscriber(self, proxy: Proxy, *topics: bytes) -> Socket:
        subscriber = self._open(zmq.XSUB)
        subscriber.connect(proxy.subscribers)
        for topic in topics:
            subscriber.send(b"\1" + topic)
        return subscriber

    def _open(self, kind: int) -> Socket:
        sock = self._context.socket(kind)
        self.opened.append(sock)
        return sock


@pytest.fixture
def peers(context: Context) -> Iterator[Peers]:
    peers = Peers(context)
    yield peers
    for sock in peers.opened:
        sock.close(0)


def _next(sock: Socket) -> list[bytes]:
    assert sock.poll(PATIENCE_MS), "nothing has come"
    return sock.recv_multipart()


def test_a_message_arrives_whole_at_each_who_subscribed(proxy: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(proxy)
    subscribers = [peers.subscriber(proxy, b"all/cam1/") for _ in range(3)]
    assert _next(publisher) == [b"\1all/cam1/"]
    # The others' subscriptions are not passed up: a message of each is waited for.
    message = [b"all/cam1/", b"header", b"body"]
    for subscriber in subscribers:
        while not subscriber.poll(20):
            publisher.send_multipart(message)
        assert subscriber.recv_multipart() == message


def test_subscriptions_travel_up_and_the_last_one_is_taken_back(proxy: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(proxy)
    first = peers.subscriber(proxy, b"all/cam1/")
    assert _next(publisher) == [b"\1all/cam1/"]
    second = peers.subscriber(proxy, b"all/cam1/", b"all/cam2/")
    assert _next(publisher) == [b"\1all/cam2/"]
    first.send(b"\0all/cam1/")
    assert not publisher.poll(SILENCE_MS)
    second.send(b"\0all/cam1/")
    assert _next(publisher) == [b"\0all/cam1/"]


def test_a_subscriber_that_goes_takes_its_subscriptions_back(proxy: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(proxy)
    subscriber = peers.subscriber(proxy, b"all/cam1/")
    assert _next(publisher) == [b"\1all/cam1/"]
    subscriber.close(0)
    assert _next(publisher) == [b"\0all/cam1/"]


def test_a_verbose_one_passes_repeated_subscriptions_up(verbose: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(verbose)
    subscriber = peers.subscriber(verbose, b"event/cam1/")
    assert _next(publisher) == [b"\1event/cam1/"]
    subscriber.send(b"\1event/cam1/")
    assert _next(publisher) == [b"\1event/cam1/"]
    peers.subscriber(verbose, b"event/cam1/")
    assert _next(publisher) == [b"\1event/cam1/"]


def test_a_publisher_that_comes_late_is_told_all_subscriptions(proxy: Proxy, peers: Peers) -> None:
    first = peers.publisher(proxy)
    peers.subscriber(proxy, b"all/cam1/", b"all/cam2/")
    assert {*_next(first), *_next(first)} == {b"\1all/cam1/", b"\1all/cam2/"}
    late = peers.publisher(proxy)
    assert {*_next(late), *_next(late)} == {b"\1all/cam1/", b"\1all/cam2/"}


def test_what_nobody_subscribed_to_is_not_taken_in(proxy: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(proxy)
    subscriber = peers.subscriber(proxy, b"all/cam1/")
    assert _next(publisher) == [b"\1all/cam1/"]
    for _ in range(10):
        publisher.send_multipart([b"all/other/", b"", b"body"])
    publisher.send_multipart([b"all/cam1/", b"", b"body"])
    _next(subscriber)
    assert proxy.traffic().messages == 3


def test_traffic_counts_zeromq_frames_and_bytes_once_for_all_subscribers(
    verbose: Proxy, peers: Peers
) -> None:
    publisher = peers.publisher(verbose)
    subscribers = [peers.subscriber(verbose, b"all/") for _ in range(3)]
    for _ in subscribers:
        _next(publisher)
    for _ in range(10):
        publisher.send_multipart([b"all/", b"", b"x" * 1000])
    for subscriber in subscribers:
        for _ in range(10):
            _next(subscriber)
    traffic = verbose.traffic()
    assert (traffic.messages, traffic.bytes) == (30, 10_040)
    assert (traffic.delivered_messages, traffic.delivered_bytes) == (30, 10_040)


def test_who_sends_too_large_a_message_is_cut_off(proxy: Proxy, peers: Peers) -> None:
    subscriber = peers.subscriber(proxy, b"")
    good, bad = peers.publisher(proxy), peers.publisher(proxy)
    assert _next(good) == _next(bad) == [b"\1"]
    bad.send(b"x" * (MAX_BYTES + 1))
    assert _next(bad) == [b"\1"]  # it was cut off, and has connected anew
    good.send(b"fine")
    assert _next(subscriber) == [b"fine"]


def test_what_is_no_subscription_is_not_passed_up(proxy: Proxy, peers: Peers) -> None:
    publisher = peers.publisher(proxy)
    peers.subscriber(proxy, b"event/" + bytes(2_000))
    longest = b"event/" + b"x" * 900
    peers.subscriber(proxy, longest)
    assert _next(publisher) == [b"\1" + longest]
    assert not publisher.poll(SILENCE_MS)


def test_what_was_taken_in_leaves_before_the_end(context: Context, peers: Peers) -> None:
    proxy = _proxy(context)
    publisher = peers.publisher(proxy)
    subscriber = peers.subscriber(proxy, b"")
    assert _next(publisher) == [b"\1"]
    for number in range(100):
        publisher.send(str(number).encode())
    assert _next(subscriber) == [b"0"]
    eventually(lambda: proxy.traffic().messages == 100, "all to be taken in")
    proxy.stop()
    assert [_next(subscriber) for _ in range(99)] == [[str(n).encode()] for n in range(1, 100)]


def test_a_proxy_is_alive_from_its_start_to_its_stop(context: Context) -> None:
    ends = Ends(publishers=ANYWHERE, subscribers=ANYWHERE)
    proxy = Proxy(context, "frames", ends, hwm=256, max_bytes=MAX_BYTES, verbose=False)
    assert not proxy.alive
    proxy.start()
    assert proxy.alive
    proxy.stop()
    assert not proxy.alive
    proxy.stop()  # once more is no matter


def test_an_endpoint_in_use_is_named(context: Context) -> None:
    taken = context.socket(zmq.XPUB)
    url = f"tcp://127.0.0.1:{taken.bind_to_random_port('tcp://127.0.0.1')}"
    for ends in (Ends(url, ANYWHERE), Ends(ANYWHERE, url)):
        with pytest.raises(EndpointError, match=url):
            Proxy(context, "frames", ends, hwm=256, max_bytes=MAX_BYTES, verbose=False)
    taken.close(0)


def test_proxies_in_a_chain_carry_messages_down_and_subscriptions_up(
    context: Context, peers: Peers
) -> None:
    near = _proxy(context, name="near")
    ends = Ends(ANYWHERE, ANYWHERE, publishers_at=(near.subscribers,))
    far = Proxy(context, "far", ends, hwm=256, max_bytes=MAX_BYTES, verbose=False)
    far.start()
    publisher = peers.publisher(near)
    subscriber = peers.subscriber(far, b"all/cam1/")
    assert _next(publisher) == [b"\1all/cam1/"]
    publisher.send_multipart([b"all/cam1/", b"", b"body"])
    assert _next(subscriber) == [b"all/cam1/", b"", b"body"]
    far.stop()
    assert _next(publisher) == [b"\0all/cam1/"]
    near.stop()
