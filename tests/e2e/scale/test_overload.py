"""What a machine that is too busy means for everybody."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import zmq

from tests.e2e.processes import eventually

from .crowd import State
from .deployment import Deployment
from .show import CLIP, limit_s, showing, unbroken, wait_for_clips

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]


def test_a_node_without_processor_time_comes_back_by_itself(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """A node without processor time for 3 heartbeats is reported lost, and comes back by itself.

    Its clients stay connected, and are counted again within 3 heartbeats.
    """
    node = deployment.nodes[2]
    with showing(deployment, context) as show:
        healthy = [each for other in deployment.nodes[:2] for each in show.fill(other)]
        frozen = show.fill(node, clip=0)
        show.settle()
        began = time.monotonic()
        node.command.process.send_signal(signal.SIGSTOP)
        eventually(lambda: show.producer.connections("cam1") == 120, "the node to be missed")
        report("a node hangs: its clients are reported lost", time.monotonic() - began)
        assert time.monotonic() - began < limit_s()
        began = time.monotonic()
        node.command.process.send_signal(signal.SIGCONT)
        took = show.wait_for_right_count(began)
        report("a node hung: counts are right after its return", took)
        assert took < limit_s()
        show.wait_for_frames(frozen, began)
        assert {each.state for each in frozen} == {State.OPEN}
        wait_for_clips([each for each in healthy if each.path == CLIP])
        assert unbroken(healthy)
        show.end()
