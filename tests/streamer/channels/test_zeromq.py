"""What every ZeroMQ socket of a service has in common."""

from __future__ import annotations

import pytest
import zmq

from streamer.channels.zeromq import attach, harden, with_port

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:*"),
        ("tcp://[::1]:0", "tcp://[::1]:*"),
        ("tcp://127.0.0.1:10", "tcp://127.0.0.1:10"),
        ("tcp://127.0.0.1:5550", "tcp://127.0.0.1:5550"),
        ("ipc:///tmp/x:0", "ipc:///tmp/x:0"),
    ],
)
def test_port_0_is_any_port(url: str, spelled: str) -> None:
    assert with_port(url) == spelled


def test_a_socket_tells_the_address_that_it_really_uses(context: Context) -> None:
    with context.socket(zmq.SUB) as sock:
        (used,) = attach(sock, "tcp://127.0.0.1:0", [])
        assert used.startswith("tcp://127.0.0.1:")
        assert int(used.rsplit(":", 1)[1]) > 0


def test_a_socket_may_bind_and_connect_to_several(context: Context) -> None:
    with context.socket(zmq.SUB) as sock:
        used = attach(sock, "inproc://here", ["inproc://a", "tcp://127.0.0.1:9"])
        assert used == ["inproc://here", "inproc://a", "tcp://127.0.0.1:9"]


def test_ipv6_is_spoken_where_an_address_asks_for_it(context: Context) -> None:
    with context.socket(zmq.SUB) as sock:
        attach(sock, "", ["tcp://[::1]:9"])
        assert sock.getsockopt(zmq.IPV6)
    with context.socket(zmq.SUB) as sock:
        attach(sock, "", ["tcp://127.0.0.1:9"])
        assert not sock.getsockopt(zmq.IPV6)


def test_an_endpoint_in_use_is_named_in_one_line(context: Context) -> None:
    with context.socket(zmq.SUB) as first, context.socket(zmq.SUB) as second:
        (used,) = attach(first, "tcp://127.0.0.1:0", [])
        with pytest.raises(zmq.ZMQError) as caught:
            attach(second, used, [])
        assert str(caught.value) == f"{used}: Address already in use"
        assert caught.value.errno == zmq.EADDRINUSE


def test_an_endpoint_that_cannot_be_connected_to_is_named(context: Context) -> None:
    with context.socket(zmq.SUB) as sock, pytest.raises(zmq.ZMQError) as caught:
        attach(sock, "", ["tcp://127.0.0.1:no"])
    assert str(caught.value) == "tcp://127.0.0.1:no: Invalid argument"


def test_half_open_peers_are_noticed_and_nothing_lingers(context: Context) -> None:
    with context.socket(zmq.SUB) as sock:
        harden(sock)
        interval = int(sock.getsockopt(zmq.HEARTBEAT_IVL))
        assert 0 < interval < int(sock.getsockopt(zmq.HEARTBEAT_TIMEOUT)) <= 10_000
        assert sock.getsockopt(zmq.LINGER) == 0
        assert 0 < int(sock.getsockopt(zmq.RECONNECT_IVL_MAX)) <= 5_000
