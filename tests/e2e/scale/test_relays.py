"""What the end of a relay, and its return, mean for everybody."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import zmq

from tests.e2e.processes import eventually

from .crowd import State
from .deployment import Deployment
from .show import CLIP, RECONNECT_S, limit_s, showing, unbroken, wait_for_clips

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]


def test_a_relay_that_is_killed_harms_only_what_is_behind_it(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """When a relay is killed, the clients of nodes that are not behind it miss nothing.

    Those behind it stay connected, and are reported `lost` within 3 heartbeats.
    """
    with showing(deployment, context) as show:
        near = show.fill(deployment.nodes[0])
        far = [each for node in deployment.nodes[1:] for each in show.fill(node, clip=0)]
        show.settle()
        began = time.monotonic()
        deployment.edge.command.end(signal.SIGKILL)
        eventually(lambda: show.lost() == show.by_path(far), "all behind it to be reported lost")
        took = time.monotonic() - began
        report("a relay is killed: clients behind it are reported lost", took)
        assert took < limit_s()
        wait_for_clips([each for each in near if each.path == CLIP])
        assert unbroken(near)
        assert {each.state for each in far} == {State.OPEN}


def test_a_relay_that_is_back_is_found_by_all(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """When a relay is back, nodes and producers find it by themselves within a second.

    Counts are right within 3 heartbeats from then on, and all streams go on.
    """
    with showing(deployment, context) as show:
        for node in deployment.nodes:
            show.fill(node, clip=0)
        show.settle()
        everybody = list(show.crowd.all)
        deployment.core.command.end(signal.SIGKILL)
        eventually(lambda: show.lost() == show.by_path(everybody), "all to be reported lost")
        deployment.restart(deployment.core)
        began = time.monotonic()
        took = show.wait_for_right_count(began)
        report("a relay is back: counts are right", took)
        assert took < limit_s() + RECONNECT_S
        report("a relay is back: streams go on", show.wait_for_frames(everybody, began))
        assert {each.state for each in everybody} == {State.OPEN}
        show.end()


def test_frames_that_meet_a_dead_relay_are_lost(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """Frames that are in a relay when it is killed, or published while it is down, are lost.

    Whoever gets frames again gets whole ones, and none out of order.
    """
    with showing(deployment, context) as show:
        far = show.fill(deployment.nodes[2], clip=0)
        show.settle()
        deployment.edge.command.end(signal.SIGKILL)
        down = {path: camera.number for path, camera in show.cameras.items()}
        eventually(
            lambda: all(each.number > down[path] + 3 for path, each in show.cameras.items()),
            "frames to be published meanwhile",
        )
        deployment.restart(deployment.edge)
        show.wait_for_frames(far, time.monotonic())
        assert not unbroken(far)
        assert all(each.numbers == sorted(set(each.numbers)) for each in far)
        show.end()
