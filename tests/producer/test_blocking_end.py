"""How a `Producer` ends: closed, unclosed, forked, broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from producer import Client, ClientGone, Producer
from producer.channels import LINGER_S
from producer.stopping import ENDED_WITHIN_S
from tests.e2e.processes import PATIENCE_S, eventually

from .fake_streamer import Context, FakeStreamer
from .meeting import arrive, ends, join


def test_closing_ends_what_waits_in_other_threads(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer, window=1)
    client.publish(b"one")
    waiting: list[Future[object]] = [
        threads.submit(producer.wait_for_clients, "cam1"),
        threads.submit(list, producer.clients("cam1")),
        threads.submit(list, producer.events("cam1")),
        threads.submit(client.wait_until_gone),
    ]
    publishing = threads.submit(client.publish, b"two")
    streamer.pause(0.2)
    assert not any(task.done() for task in waiting)
    assert not publishing.done()
    producer.close()
    assert [task.result(PATIENCE_S) for task in waiting] == [0, [], [], True]
    with pytest.raises(ClientGone, match="the producer is closed"):
        publishing.result(PATIENCE_S)


def test_a_closed_producer_says_so(producer: Producer, streamer: FakeStreamer) -> None:
    client = arrive(streamer, producer)
    producer.close()
    producer.close()
    refused: list[Callable[[], object]] = [
        lambda: producer.publish("cam1", b""),
        lambda: producer.stop("cam1"),
        lambda: producer.stop_client("aaaa-1"),
        lambda: producer.connections("cam1"),
        lambda: producer.clients("cam1"),
        producer.events,
    ]
    for verb in refused:
        with pytest.raises(RuntimeError, match="the producer is closed"):
            verb()
    with pytest.raises(ClientGone, match="the producer is closed"):
        client.publish(b"")
    assert client.gone
    assert producer.is_gone(client.id)
    assert producer.wait_for_clients("cam1") == 0
    assert producer.wait_for_streamer() is False


def test_a_client_that_has_not_heard_its_stop_hears_it_before_the_end(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer)
    assert ends(threads.submit(producer.stop, "clip"), streamer)
    ends(threads.submit(producer.close), streamer)
    stops = [each.topic for each in streamer.wait_for(2)]
    assert stops == ["all/clip/", f"one/{client.id}/"]


def test_the_end_waits_no_longer_than_for_the_last_whom_a_stop_means(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer)
    assert ends(threads.submit(producer.stop, "clip"), streamer)
    began = time.monotonic()
    closing = threads.submit(producer.close)
    streamer.leave("clip", client.id)
    ends(closing, streamer)
    assert time.monotonic() - began < ENDED_WITHIN_S
    assert [each.topic for each in streamer.look()] == ["all/clip/"]


def test_what_was_published_leaves_before_the_end(streamer: FakeStreamer) -> None:
    with Producer(*streamer.addresses) as producer:
        join(producer, streamer)
        for _ in range(50):
            assert producer.publish("cam1", bytes(10_000))
    assert len(streamer.wait_for(50)) == 50


def test_closing_does_not_wait_for_a_streamer_that_is_not_there(streamer: FakeStreamer) -> None:
    producer = Producer(*streamer.addresses)
    join(producer, streamer)
    streamer.close()
    producer.wait_for_clients("cam1", 0)
    eventually(lambda: not producer.wait_for_streamer(0), "the streamer to be missed")
    began = time.monotonic()
    producer.close()
    assert time.monotonic() - began < LINGER_S / 2


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_producer_leaves_no_thread_and_no_descriptor_behind(streamer: FakeStreamer) -> None:
    def make() -> None:
        with Producer(*streamer.addresses) as producer:
            join(producer, streamer)
            producer.publish("cam1", b"x")

    make()
    threads, before = threading.active_count(), descriptors()
    for _ in range(5):
        make()
    eventually(
        lambda: (streamer.look(), descriptors() <= before)[1],
        "the connections to be closed",
    )
    assert threading.active_count() == threads


SCRIPT = """
import signal, sys, time
from producer import Producer
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background has none
producer = Producer(*sys.argv[1:3])
{body}
"""


def start(streamer: FakeStreamer, body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=body), *streamer.addresses],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(script: subprocess.Popen[str], streamer: FakeStreamer) -> tuple[int, str, str]:
    try:
        eventually(lambda: (streamer.look(), script.poll() is not None)[1], "the script to end")
    finally:
        script.kill()
    out, errors = script.communicate()
    return script.returncode, out, errors


def test_a_script_that_closes_nothing_ends_and_its_frames_leave(context: Context) -> None:
    streamer = FakeStreamer(context, receive_hwm=1)
    streamer.subscribe()
    number = 80
    body = (
        "assert producer.publish('cam1', b'x')\n"
        f"for n in range({number}): assert producer.publish('cam1', bytes(100_000))\n"
        "print('published', flush=True)"
    )
    script = start(streamer, body)
    assert script.stdout is not None
    streamer.wait_for(1)  # and nothing more is read until the script is at its end
    assert script.stdout.readline() == "published\n"
    with suppress(subprocess.TimeoutExpired):  # it is not to end before its frames have left
        script.wait(LINGER_S / 4)
    assert len(streamer.wait_for(1 + number)) == 1 + number
    assert end(script, streamer) == (0, "", "")


def test_ctrl_c_breaks_into_every_wait(streamer: FakeStreamer) -> None:
    body = (
        "print('waiting', flush=True)\n"
        "try:\n"
        "    producer.wait_for_clients('cam1')\n"
        "except KeyboardInterrupt:\n"
        "    print(producer.publish('cam1', b'the last'))\n"
    )
    script = start(streamer, body)
    assert script.stdout is not None
    assert script.stdout.readline() == "waiting\n"
    streamer.wait_for_question("event/cam1/")
    script.send_signal(signal.SIGINT)
    assert end(script, streamer) == (0, "True\n", "")
    assert streamer.wait_for(1)[0].body == b"the last"


# Fork.


def test_a_producer_is_refused_in_a_process_that_was_forked_off(
    producer: Producer, streamer: FakeStreamer
) -> None:
    client = arrive(streamer, producer)
    read, write = os.pipe()
    child = fork_while_locked(producer)
    if child == 0:
        os.write(write, _refusals(producer, client).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        lines = told.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    assert len(lines) == 10
    assert set(lines) == {
        "RuntimeError: a Producer does not survive fork: make it in the process that uses it"
    }
    assert producer.publish("cam1", b"the parent goes on")
    assert streamer.wait_for(1)[0].body == b"the parent goes on"


def fork_while_locked(producer: Producer) -> int:
    """Forks while another thread holds the producer's lock: in the child it is held for ever."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with producer._driver._lock:
            held.set()
            release.wait(PATIENCE_S)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(PATIENCE_S)
    child = os.fork()
    release.set()
    if child:
        holder.join()
    return child


def _refusals(producer: Producer, client: Client) -> str:
    """Uses every verb; returns what each said, a line each."""
    verbs: list[Callable[[], object]] = [
        lambda: producer.publish("cam1", b""),
        lambda: client.publish(b""),
        lambda: producer.stop("cam1"),
        client.stop,
        producer.wait_for_streamer,
        lambda: producer.wait_for_clients("cam1"),
        lambda: producer.connections("cam1"),
        lambda: producer.clients("cam1"),
        producer.events,
        lambda: client.gone,
    ]
    said = []
    for verb in verbs:
        try:
            verb()
        except Exception as error:  # noqa: BLE001  to be told
            said.append(f"{type(error).__name__}: {error}\n")
    producer.close()
    return "".join(said)


# Whatever happens.


def test_where_the_producers_own_thread_breaks_off_nobody_waits_for_ever(
    producer: Producer,
    streamer: FakeStreamer,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: ended.set())
    waiting = threads.submit(producer.wait_for_clients, "cam1")
    streamer.pause(0.1)

    def look() -> set[str]:
        raise MemoryError("no more")

    monkeypatch.setattr(producer._core, "look", look)
    assert ended.wait(PATIENCE_S)
    for task in (waiting, threads.submit(producer.publish, "cam1", b"")):
        with pytest.raises(RuntimeError, match="thread has broken off") as caught:
            task.result(PATIENCE_S)
        assert isinstance(caught.value.__cause__, MemoryError)
