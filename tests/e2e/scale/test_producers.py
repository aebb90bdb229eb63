"""What the end of a producer, and its return, mean for everybody."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import zmq

from tests.e2e.processes import Command, eventually

from .crowd import State
from .deployment import BUSY_S, Deployment
from .producing import CLIP_PARTS
from .show import CLIP, showing, unbroken, wait_for_clips

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

CAM3, CLIP3 = "/streams/cam3", "/streams/clip3"
# The second instance numbers its frames from here, so that they can be told from the first's.
SECOND = 1_000_000


def _start_producing(deployment: Deployment, first: int) -> Command:
    arguments = (deployment.frames, deployment.events, str(first))
    with deployment.studio.inside():
        return deployment.start.run("tests.e2e.scale.producing", *arguments)


def test_a_producer_that_is_killed_leaves_its_last_picture(
    deployment: Deployment, context: Context
) -> None:
    """When a producer is killed, its clients stay connected and get its last picture again.

    The clients of other producers miss nothing.
    """
    with showing(deployment, context) as show:
        others = [each for node in deployment.nodes for each in show.fill(node)]
        producing = _start_producing(deployment, 0)
        orphans = [
            each for node in deployment.nodes for each in show.crowd.join(node.http, CAM3, 10)
        ]
        eventually(lambda: all(each.numbers for each in orphans), "the producer's frames")
        show.settle()
        producing.end(signal.SIGKILL)
        for node in deployment.nodes:
            eventually(
                lambda n=node: deployment.streams(n)["cam3"]["repeats"] >= 10,  # type: ignore[misc]
                "the last picture to be repeated",
            )
        assert {each.state for each in orphans} == {State.OPEN}
        wait_for_clips([each for each in others if each.path == CLIP])
        assert unbroken(others)
        show.end()


def test_a_producer_that_starts_again_finds_its_clients(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """A producer that starts again knows all clients at once, on every node.

    Shared streams go on for them, and each client of a targeted stream is served from the
    beginning.
    """
    with showing(deployment, context) as show:
        producing = _start_producing(deployment, 0)
        shared = [
            each for node in deployment.nodes for each in show.crowd.join(node.http, CAM3, 20)
        ]
        clips = [each for node in deployment.nodes for each in show.crowd.join(node.http, CLIP3, 5)]
        eventually(lambda: all(each.numbers for each in (*shared, *clips)), "all to be served")
        show.settle()
        producing.end(signal.SIGKILL)
        _start_producing(deployment, SECOND)
        began = time.monotonic()
        eventually(
            lambda: all(each.numbers[-1] >= SECOND for each in shared), "the stream to go on"
        )
        took = time.monotonic() - began
        report("a producer starts again: its streams go on", took)
        assert took < BUSY_S
        eventually(lambda: all(each.is_over for each in clips), "the clips to end")
        assert {each.state for each in clips} == {State.ENDED}
        assert all(each.numbers[-CLIP_PARTS:] == list(range(CLIP_PARTS)) for each in clips)
        assert show.crowd.torn == []
