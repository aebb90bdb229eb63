"""What a node's end, and its beginning, mean for everybody else."""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import zmq

from producer import Producer
from tests.e2e.processes import Starter, eventually

from .crowd import Crowd, State, Viewer
from .deployment import BUSY_S, Deployment, deployed
from .producing import Camera
from .show import CAM1, CLIP, RECONNECT_S, limit_s, showing, unbroken, wait_for_clips

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

DRAIN_S = 1.0
SPREAD_S = 2.0


def test_a_node_that_is_killed_takes_its_own_clients_along_and_no_other(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """When a node is killed, the clients of the other nodes miss nothing.

    Its own are reported closed with reason `lost` within 3 heartbeats.
    """
    with showing(deployment, context) as show:
        healthy = [each for node in deployment.nodes[:2] for each in show.fill(node)]
        doomed = show.fill(deployment.nodes[2])
        show.settle()
        began = time.monotonic()
        deployment.nodes[2].command.end(signal.SIGKILL)
        took = show.wait_for_right_count(began, lost=doomed)
        report("a node is killed: its clients are reported lost", took)
        assert took < limit_s()
        wait_for_clips([each for each in healthy if each.path == CLIP])
        assert unbroken(healthy)
        show.end()


def test_a_client_of_a_killed_node_finds_its_stream_on_another(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """What is under way to a client of a killed node is lost with its connection.

    As soon as it connects anew, another node sends it the last frame at once.
    """
    other = deployment.nodes[1].address
    with showing(deployment, context, again=lambda _: other) as show:
        doomed = show.fill(deployment.nodes[2], clip=0)
        show.settle()
        began = time.monotonic()
        deployment.nodes[2].command.end(signal.SIGKILL)
        eventually(lambda: len(show.crowd.all) == 2 * len(doomed), "all to connect anew")
        back = show.crowd.all[len(doomed) :]
        took = show.wait_for_frames(back, began)
        report("a node is killed: its viewers see their streams on another", took)
        assert {each.state for each in doomed} == {State.CUT}
        assert show.wait_for_right_count(began, lost=doomed) < limit_s()
        show.end()


def test_a_node_that_is_drained_lets_its_clients_go_one_by_one(
    networks: None, start: Starter, tmp_path: Path, context: Context, report: Report
) -> None:
    """A node that is drained lets its clients go one by one, and nobody else notices.

    It says so on `/readyz`, serves on for `drain_s`, and ends its clients over `spread_s`, each
    with a whole part and a clean end.
    """
    options = ("--drain-s", str(DRAIN_S), "--spread-s", str(SPREAD_S))
    with deployed(start, tmp_path, *options) as deployment:
        others = itertools.cycle([each.address for each in deployment.nodes[:2]])
        last = deployment.nodes[2]

        def again(viewer: Viewer) -> tuple[str, int] | None:
            return next(others) if viewer.address == last.address else None

        with showing(deployment, context, again) as show:
            healthy = [each for node in deployment.nodes[:2] for each in show.fill(node)]
            going = show.fill(last, clip=0)
            show.settle()
            began = time.monotonic()
            last.command.process.send_signal(signal.SIGTERM)
            eventually(lambda: deployment.get(last, "/readyz")[0] == 503, "the node to drain")
            going += show.crowd.join(last.http, CAM1, 5)  # it serves on
            assert last.command.process.wait(20) == 0
            report("a node is drained: it has ended", time.monotonic() - began)
            _check_that_they_went_one_by_one(going, began)
            took = show.wait_for_right_count(time.monotonic())
            report("a node is drained: counts are right after its end", took)
            assert took < limit_s()
            wait_for_clips([each for each in healthy if each.path == CLIP])
            assert unbroken(healthy)
            show.wait_for_frames(show.crowd.watching(CAM1), began)
            show.end()


def _check_that_they_went_one_by_one(going: list[Viewer], began: float) -> None:
    eventually(lambda: all(each.is_over for each in going), "all to be let go")
    assert Counter(each.state for each in going) == {State.ENDED: len(going)}
    ended = sorted(each.ended_at - began for each in going)
    assert ended[0] >= DRAIN_S
    assert ended[-1] - ended[0] > SPREAD_S / 2
    tenth = Counter(int(at / (SPREAD_S / 10)) for at in ended)
    assert max(tenth.values()) <= len(going) / 2, f"a storm: {sorted(tenth.items())}"


def test_a_node_that_is_added_under_load_serves_at_once(
    networks: None, start: Starter, tmp_path: Path, context: Context, report: Report
) -> None:
    """A node that is added takes clients and frames from its ready line on.

    The first frame of a targeted stream is not lost, and the other nodes' clients miss nothing.
    """
    with deployed(start, tmp_path, nodes=2) as deployment, showing(deployment, context) as show:
        before = [each for node in deployment.nodes for each in show.fill(node)]
        show.settle()
        added = deployment.add_node(deployment.edge).wait()
        began = time.monotonic()
        new = show.fill(added)
        took = show.wait_for_right_count(began)
        report("a node is added: its clients are counted", took)
        assert took < limit_s()
        wait_for_clips([each for each in (*before, *new) if each.path == CLIP])
        show.wait_for_frames([each for each in new if each.path != CLIP], began)
        assert unbroken([*before, *new])
        show.end()


def test_a_node_that_starts_again_is_a_new_node(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """A node that starts again on its old address is a new node.

    No client is counted twice, and who comes back is served at once.
    """
    node = deployment.nodes[2]
    with showing(deployment, context) as show:
        before = show.fill(node)
        show.settle()
        node.command.end(signal.SIGKILL)
        deployment.restart(node)
        began = time.monotonic()
        back = show.fill(node)
        took = show.wait_for_right_count(began, lost=before)
        report("a node is killed and starts again: counts are right", took)
        assert took < limit_s()
        show.wait_for_frames([each for each in back if each.path != CLIP], began)
        assert not set(before) & set(show.crowd.watching(CAM1))
        show.end()


def test_a_streamer_that_starts_again_is_found_by_its_producers(
    start: Starter, report: Report
) -> None:
    """A streamer without a relay that starts again is found by its producers within a second.

    They publish on meanwhile: what nobody takes is dropped.
    """
    first = start.streamer()
    ends = {
        "--http": first.http.removeprefix("http://"),
        "--bind-frames": first.addresses["frames"],
        "--bind-events": first.addresses["events"],
    }
    with Producer(ends["--bind-frames"], ends["--bind-events"]) as producer, Crowd() as crowd:
        assert producer.wait_for_streamer(10)
        with Camera(lambda body: producer.publish("cam1", body)) as camera:
            first.end(signal.SIGKILL)
            second = start.streamer(*(word for pair in ends.items() for word in pair))
            began = time.monotonic()
            viewers = crowd.join(second.http, CAM1, 20)
            eventually(lambda: all(each.numbers for each in viewers), "frames")
            took = time.monotonic() - began
            report("a streamer starts again: its producers publish to it", took)
            assert took < RECONNECT_S + BUSY_S
            eventually(lambda: producer.connections("cam1") == len(viewers), "the count")
            assert camera.is_alive()
