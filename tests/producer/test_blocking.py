"""`Producer`, at a streamer made of raw sockets."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

import producer as library
from producer import (
    AsyncClient,
    AsyncProducer,
    Client,
    ClientGone,
    ClosedConnection,
    Credit,
    NewConnection,
    NoConnection,
    Overload,
    Producer,
)
from producer.channels import EVENTS_AT_ONCE, LINGER_S
from tests.e2e.processes import PATIENCE_S, eventually

from .fake_streamer import Context, FakeStreamer, bound_again

T = TypeVar("T")


@pytest.fixture
def producer(streamer: FakeStreamer) -> Iterator[Producer]:
    with Producer(*streamer.addresses) as producer:
        join(producer, streamer)
        yield producer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


def join(producer: Producer, streamer: FakeStreamer) -> None:
    """Waits until the producer knows that the streamer takes everything."""
    eventually(lambda: (streamer.look(), producer.wait_for_streamer(0.01))[1], "to be joined")
    eventually(lambda: (streamer.look(), producer.stop_client("aaaa-9"))[1], "to be joined")
    streamer.wait_for(1)
    streamer.messages.clear()


def ends(task: Future[T], streamer: FakeStreamer) -> T:
    """Returns what a thread returns, the streamer being kept moving meanwhile."""
    eventually(lambda: (streamer.look(), task.done())[1], "the thread to end")
    return task.result()


def arrive(streamer: FakeStreamer, producer: Producer, *, window: int | None = None) -> Client:
    """Lets a client come to `clip`."""
    clients = producer.clients("clip")
    streamer.wait_for_question("event/clip/")
    streamer.join("clip", window=window)
    return next(clients)


# Publishing.


def test_the_first_frame_waits_for_a_streamer_and_is_not_lost(
    context: Context, threads: ThreadPoolExecutor
) -> None:
    later = FakeStreamer(context)
    addresses = later.addresses
    later.close()
    with Producer(*addresses) as producer:
        task = threads.submit(producer.publish, "cam1", b"the first")
        time.sleep(0.3)
        assert not task.done()
        streamer = bound_again(context, addresses)
        assert ends(task, streamer) is True
        assert [each.body for each in streamer.wait_for(1)] == [b"the first"]


def test_a_frame_that_no_streamer_takes_is_not_waited_for(
    producer: Producer, streamer: FakeStreamer
) -> None:
    streamer.close()
    eventually(lambda: not producer.publish("cam1", b"x"), "the streamer to be missed")
    began = time.monotonic()
    for _ in range(100):
        assert producer.publish("cam1", b"x") is False
    assert time.monotonic() - began < 1


def test_publishing_to_all_never_waits_for_a_streamer_that_does_not_read(
    context: Context,
) -> None:
    streamer = FakeStreamer(context, receive_hwm=1)
    streamer.subscribe()
    with Producer(*streamer.addresses) as producer:
        join(producer, streamer)
        began = time.monotonic()
        sent = [producer.publish("cam1", bytes(50_000)) for _ in range(3000)]
        assert time.monotonic() - began < PATIENCE_S / 2
        assert sent[0] is True
        assert sent[-1] is False
        streamer.wait_for(sum(sent))


def test_a_frame_for_one_client_waits_until_it_can_take_it(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer, window=1)
    assert (client.id, client.stream, client.query) == ("aaaa-1", "clip", {"n": "1"})
    assert client.overload is Overload.QUEUE
    client.publish(b"one")
    task = threads.submit(client.publish, b"two", content_type="text/plain", time_ns=5)
    streamer.wait_for(1)
    streamer.pause(0.2)
    assert not task.done()
    assert len(streamer.messages) == 1
    streamer.credit("clip", client.id, 1)
    ends(task, streamer)
    second = streamer.wait_for(2)[1]
    assert second.body == b"two"
    assert second.header["content_type"] == "text/plain"
    assert second.header["time"] == 5


def test_credit_is_used_as_soon_as_it_comes(producer: Producer, streamer: FakeStreamer) -> None:
    client = arrive(streamer, producer, window=1)
    began = time.monotonic()
    for number in range(1, 101):
        client.publish(b"x")
        streamer.wait_for(number)
        streamer.credit("clip", client.id, number)
    # With safety polls alone it would take five seconds.
    assert time.monotonic() - began < 3


def test_a_frame_that_could_not_be_sent_in_time_is_not_sent(
    producer: Producer, streamer: FakeStreamer
) -> None:
    client = arrive(streamer, producer, window=1)
    client.publish(b"one")
    with pytest.raises(TimeoutError, match=r"client aaaa-1 takes nothing for 0\.1 s"):
        client.publish(b"two", timeout_s=0.1)
    streamer.credit("clip", client.id, 1)
    client.publish(b"three", timeout_s=PATIENCE_S)
    assert not producer._driver._waiting._waiters
    assert [each.body for each in streamer.wait_for(2)] == [b"one", b"three"]
    assert [each.header["seq"] for each in streamer.messages] == [1, 2]


def test_who_waits_for_a_client_learns_that_it_has_left(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    client = arrive(streamer, producer, window=1)
    assert not client.gone
    assert not producer.is_gone(client.id)
    assert not client.wait_until_gone(0.01)
    client.publish(b"one")
    publishing = threads.submit(client.publish, b"two")
    waiting = threads.submit(client.wait_until_gone)
    streamer.pause(0.1)
    streamer.leave("clip", client.id)
    with pytest.raises(ClientGone) as caught:
        ends(publishing, streamer)
    assert caught.value.client == client.id
    assert ends(waiting, streamer) is True
    assert client.gone
    assert producer.is_gone(client.id)


def test_a_stop_comes_behind_the_frames_of_its_stream_or_client(
    producer: Producer, streamer: FakeStreamer
) -> None:
    client = arrive(streamer, producer)
    for _ in range(2):
        client.publish(b"x")
        assert producer.publish("cam1", b"x")
    assert client.stop()
    assert producer.stop("cam1")
    assert producer.stop("cam1", now=True)
    stops = [each for each in streamer.wait_for(7) if "type" in each.header]
    assert [(each.topic, each.header.get("seq")) for each in stops] == [
        ("one/aaaa-1/", 2),
        ("all/cam1/", 2),
        ("all/cam1/", None),
    ]


def test_what_the_wire_does_not_allow_is_refused_in_one_line(producer: Producer) -> None:
    refused: list[Callable[[], object]] = [
        lambda: producer.publish("no/name", b""),
        lambda: producer.publish("cam1", b"", content_type="nonsense"),
        lambda: producer.publish_to("nobody", b""),
        lambda: producer.stop("no/name"),
        lambda: producer.stop_client("nobody"),
        lambda: producer.wait_for_clients("no/name"),
        lambda: producer.connections("no/name"),
        lambda: producer.clients("no/name"),
        lambda: producer.events("no/name"),
    ]
    for verb in refused:
        with pytest.raises(ValueError, match="allowed") as caught:
            verb()
        assert "\n" not in str(caught.value)


# The audience.


def test_a_loop_waits_while_nobody_watches_and_runs_while_somebody_does(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    assert producer.wait_for_clients("cam1", timeout_s=0.05) == 0
    task = threads.submit(producer.wait_for_clients, "cam1")
    streamer.wait_for_question("event/cam1/")
    client = streamer.join("cam1")
    assert ends(task, streamer) == 1
    assert producer.wait_for_clients("cam1") == producer.connections("cam1") == 1
    streamer.leave("cam1", client)
    eventually(lambda: producer.connections("cam1") == 0, "nobody to watch")
    assert producer.wait_for_clients("cam1", timeout_s=0) == 0


def test_a_producer_that_starts_late_knows_everybody_at_once(
    producer: Producer, streamer: FakeStreamer
) -> None:
    clients = producer.clients("cam1")
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    streamer.answer("cam1", "aaaa-1", "aaaa-2")
    assert [next(clients).id, next(clients).id] == ["aaaa-1", "aaaa-2"]
    opened = [next(events), next(events)]
    assert all(isinstance(each, NewConnection) for each in opened)


def test_events_are_followed_from_the_call_on_and_not_from_the_first_look(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    streamer.leave("cam1", streamer.join("cam1"))
    streamer.join("cam1", 2)
    eventually(lambda: producer.connections("cam1") == 1, "all of it")
    kinds = [type(next(events)) for _ in range(4)]
    assert kinds == [NewConnection, ClosedConnection, NoConnection, NewConnection]


def test_a_flood_of_events_is_followed_without_a_pause(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events("cam1")
    streamer.wait_for_question("event/cam1/")
    number = 20 * EVENTS_AT_ONCE
    for count in range(number):
        streamer.credit("cam1", "aaaa-1", count)
    streamer.look()
    began = time.monotonic()
    assert [next(events) for _ in range(number)][-1] == Credit("cam1", "aaaa-1", number - 1)
    # One batch at each safety poll would take two seconds.
    assert time.monotonic() - began < 1.5


def test_events_of_all_streams_include_those_of_the_nodes(
    producer: Producer, streamer: FakeStreamer
) -> None:
    events = producer.events()
    streamer.wait_for_question("event/")
    streamer.join("cam1")
    streamer.goodbye()
    kinds = [type(next(events)).__name__ for _ in range(4)]
    assert kinds == ["NewConnection", "ClosedConnection", "NoConnection", "Goodbye"]


def test_an_iteration_that_is_closed_ends(producer: Producer) -> None:
    events = producer.events()
    events.close()
    assert list(events) == []


# Threads.


def test_threads_share_a_producer_and_each_topic_keeps_its_order(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    def publish(name: str) -> int:
        sent = 0
        for number in range(300):
            while not producer.publish(name, number.to_bytes(2)):
                time.sleep(0.001)
            sent += 1
        return sent

    tasks = [threads.submit(publish, f"cam{number}") for number in range(8)]
    messages = streamer.wait_for(8 * 300)
    assert [task.result() for task in tasks] == [300] * 8
    for name in range(8):
        own = [each for each in messages if each.topic == f"all/cam{name}/"]
        assert [int.from_bytes(each.body) for each in own] == list(range(300))
        assert [each.header["seq"] for each in own] == list(range(1, 301))


def test_each_thread_waits_for_its_own_client(
    producer: Producer, streamer: FakeStreamer, threads: ThreadPoolExecutor
) -> None:
    clients = producer.clients("clip")
    streamer.wait_for_question("event/clip/")
    for number in range(10):
        streamer.join("clip", number, window=1)
    fed = [next(clients) for _ in range(10)]
    for client in fed:
        client.publish(b"one")
    tasks = [threads.submit(client.publish, b"two") for client in fed]
    streamer.wait_for(10)
    for client, task in reversed(list(zip(fed, tasks, strict=True))):
        assert not task.done()
        streamer.credit("clip", client.id, 1)
        ends(task, streamer)


# The end.


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
import sys, time
from producer import Producer
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


# Both producers.


@pytest.mark.parametrize(("one", "other"), [(Producer, AsyncProducer), (Client, AsyncClient)])
def test_both_producers_have_the_same_verbs(one: type, other: type) -> None:
    def verbs(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(verb).parameters)
            for name, verb in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert verbs(one) == verbs(other)
    assert len(verbs(one)) >= 3


def test_every_verb_says_what_it_promises() -> None:
    for kind in (Producer, AsyncProducer, Client, AsyncClient):
        for name, verb in inspect.getmembers(kind, inspect.isfunction):
            assert name.startswith("_") or inspect.getdoc(verb), f"{kind.__name__}.{name}"


def test_everything_that_the_library_names_is_there() -> None:
    for name in library.__all__:
        assert getattr(library, name) is not None
