"""A client that accepts nothing of what waits for it has stalled."""

from __future__ import annotations

from tests.streamer.frames import HEAD, part

from .watching import offer_all, watching


def test_a_client_that_accepts_nothing_has_stalled_after_the_timeout() -> None:
    client, _ = watching(1 << 20, joined_at=100.0)
    client.offer(part(1))
    assert not client.stalled(100.0, 30.0)
    assert not client.stalled(129.9, 30.0)
    assert client.stalled(130.0, 30.0)


def test_a_client_with_bytes_left_here_has_stalled_too() -> None:
    client, outlet = watching(len(HEAD))
    client.offer(part(1))
    outlet.capacity = 0
    outlet.acknowledge()
    assert not client.stalled(100.0, 30.0)
    assert client.stalled(130.0, 30.0)


def test_a_client_that_accepts_anything_has_not_stalled() -> None:
    client, outlet = watching(1 << 20)
    client.offer(part(1))
    for now in range(100, 200, 29):
        outlet.acknowledge(1)
        assert not client.stalled(float(now), 30.0)
    assert client.stalled(230.0, 30.0)


def test_a_client_for_which_nothing_waits_never_stalls() -> None:
    client, _ = watching()
    client.offer(part(1))
    assert not client.stalled(100.0, 30.0)
    assert not client.stalled(10_000.0, 30.0)


def test_the_time_counts_from_when_something_began_to_wait() -> None:
    client, outlet = watching()
    client.offer(part(1))
    assert not client.stalled(100.0, 30.0)
    assert not client.stalled(1000.0, 30.0)
    outlet.prompt = False
    offer_all(client, [part(2), part(3)])
    assert not client.stalled(1001.0, 30.0)
    assert not client.stalled(1030.0, 30.0)
    assert client.stalled(1031.0, 30.0)


def test_looks_at_a_client_for_which_nothing_waits_make_no_difference() -> None:
    client, outlet = watching()
    outlet.prompt = False
    offer_all(client, [part(1), part(2)])
    assert not client.stalled(100.0, 30.0)
    outlet.acknowledge()
    outlet.prompt = True
    offer_all(client, [part(3)])
    outlet.prompt = False
    offer_all(client, [part(4), part(5)])
    assert not client.stalled(1000.0, 30.0)
    assert not client.stalled(1029.9, 30.0)
    assert client.stalled(1030.0, 30.0)


def test_a_client_that_never_took_the_head_has_stalled_since_it_came() -> None:
    client, _ = watching(0, joined_at=50.0)
    assert not client.stalled(79.9, 30.0)
    assert client.stalled(80.0, 30.0)


def test_what_encryption_adds_is_no_progress() -> None:
    client, outlet = watching(joined_at=100.0)
    outlet.prompt = False
    for second in range(31):
        client.offer(part(second))
        outlet.unsent_bytes += 22  # a record of TLS 1.3 is so much longer
        assert client.stalled(100.0 + second, 30.0) is (second == 30)


def test_over_tls_a_peer_that_takes_what_it_is_sent_has_not_stalled() -> None:
    client, outlet = watching(joined_at=100.0)
    outlet.prompt = False
    for second in range(100):
        client.offer(part(second, 1000))
        outlet.unsent_bytes += 22
        outlet.send()
        assert not client.stalled(100.0 + second, 30.0)
        outlet.acknowledge(outlet.flying_bytes - 500)


def test_over_tls_a_first_picture_after_a_long_wait_is_given_its_time() -> None:
    client, outlet = watching(joined_at=100.0)
    for second in range(60):
        assert not client.stalled(100.0 + second, 30.0)
    outlet.prompt = False
    client.offer(part(1))
    outlet.unsent_bytes += 2 * len(HEAD)  # more than has ever been accepted
    assert not client.stalled(160.0, 30.0)
    assert client.stalled(190.0, 30.0)
