"""Sockets that listen, also where no file can be opened any more."""

from __future__ import annotations

import logging
import os
import resource
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tornado.tcpclient import TCPClient
from tornado.web import Application

from streamer.http.listening import FILES_BESIDES, Server, listen, most_clients


@contextmanager
def no_file_left() -> Iterator[None]:
    """Lets this process open no file beyond those it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
        while (filler := os.dup(0)) < highest:
            taken.append(filler)
        taken.append(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (filler + 1, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            os.close(each)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    (sock,) = listen("127.0.0.1", 0, reuse_port=False)
    yield sock
    sock.close()


def test_connections_for_which_no_file_can_be_opened_are_dropped(
    listening: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
    with no_file_left():
        for _ in clients:
            with pytest.raises(ConnectionAbortedError):
                listening.accept()
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert [each.recv(1) for each in clients] == [b""] * 3
    assert [each.getMessage() for each in caplog.records] == [
        "dropped connections=1: Too many open files"
    ]
    again = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    for each in (*clients, again, accepted):
        each.close()


@pytest.mark.gen_test(timeout=30)
async def test_who_resets_before_its_handshake_is_no_fault(
    ssl_options: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(Application(), ssl_options=ssl_options)
    (sock,) = listen("127.0.0.1", 0, reuse_port=False)
    address = sock.getsockname()
    server.add_sockets([sock])
    for _ in range(5):
        with socket.create_connection(address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(b"nobody")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    stream = await TCPClient().connect(address[0], address[1], ssl_options=trusting)
    stream.close()
    server.stop()
    await server.close_all_connections()
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("max_clients", "max_files", "most", "words"),
    [
        (100, 1_024, 100, 0),
        (20_000, 20_000, 20_000 - FILES_BESIDES, 0),
        (20_000, 1_024, 1_024 - FILES_BESIDES, 1),
        (20_000, 64, 1, 1),
    ],
)
def test_there_are_no_more_clients_than_open_files(
    max_clients: int, max_files: int, most: int, words: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert most_clients(max_clients, max_files) == most
    assert len(caplog.records) == words
