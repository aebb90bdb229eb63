"""Many sockets are written to in one call, each as far as it has room."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from streamer.http.sockets import Sockets

Pairs = list[tuple[socket.socket, socket.socket]]


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    """Returns both ends of five connections over loopback; what is written to does not block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = []
        for _ in range(5):
            peer = socket.create_connection(server.getsockname())
            made.append((server.accept()[0], peer))
            made[-1][0].setblocking(False)
    yield made
    for pair in made:
        for each in pair:
            each.close()


def handles(pairs: Pairs) -> list[int]:
    return [served.fileno() for served, _ in pairs]


def fill(served: socket.socket) -> None:
    """Writes until the system takes nothing more."""
    try:
        while True:
            served.send(bytes(1 << 20))
    except BlockingIOError:
        pass


def break_off(served: socket.socket) -> None:
    served.shutdown(socket.SHUT_WR)


def test_every_socket_takes_the_same_bytes(pairs: Pairs) -> None:
    assert Sockets().write(handles(pairs), b"part") == [4] * 5
    assert [peer.recv(10) for _, peer in pairs] == [b"part"] * 5


@pytest.mark.parametrize("place", range(5))
def test_a_full_socket_takes_nothing_and_the_others_all(pairs: Pairs, place: int) -> None:
    fill(pairs[place][0])
    taken = Sockets().write(handles(pairs), b"part")
    assert taken == [0 if each == place else 4 for each in range(5)]


@pytest.mark.parametrize("place", range(5))
def test_a_broken_socket_is_named_and_the_others_take_all(pairs: Pairs, place: int) -> None:
    break_off(pairs[place][0])
    taken = Sockets().write(handles(pairs), b"part")
    assert taken == [-1 if each == place else 4 for each in range(5)]


def test_several_that_fail_are_each_named_in_their_place(pairs: Pairs) -> None:
    fill(pairs[0][0])
    break_off(pairs[1][0])
    fill(pairs[4][0])
    assert Sockets().write(handles(pairs), b"part") == [0, -1, 4, 4, 0]


def test_a_socket_takes_as_much_of_a_large_part_as_it_has_room_for(pairs: Pairs) -> None:
    part = bytes(64 << 20)
    taken = Sockets().write(handles(pairs), part)
    assert all(0 < each < len(part) for each in taken)


def test_what_waits_is_told_of_each(pairs: Pairs) -> None:
    sockets = Sockets()
    assert sockets.unacknowledged(handles(pairs)) == [0] * 5
    fill(pairs[3][0])
    waiting = sockets.unacknowledged(handles(pairs))
    assert waiting[3] > 0
    assert waiting[:3] + waiting[4:] == [0] * 4
    assert sockets.unacknowledged(handles(pairs)[:2]) == [0, 0]
