"""What a link that is cut, and one that heals, mean for everybody."""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq

from tests.e2e.processes import eventually

from .crowd import State
from .deployment import BUSY_S, Deployment
from .producing import CLIP_PARTS
from .show import CLIP, limit_s, showing, unbroken, wait_for_clips

Context = zmq.Context[zmq.Socket[bytes]]
Report = Callable[[str, float], None]

# A silent peer is given up after this time: a heartbeat is sent every 2 s and waited for 6 s.
HALF_OPEN_S = 8.0
# Connecting is tried again this often, and a try takes this long at most on a link that is back,
# seconds.
REDIAL_S = 3.0


def test_a_link_that_is_cut_for_long_is_made_anew(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """When a link is cut, the clients behind it stay connected; no other client misses anything.

    They are reported `lost` within 3 heartbeats. A connection that is half open is given up
    within 8 s, and made anew within 3 s when the link heals: counts are right and streams go on.
    """
    with showing(deployment, context) as show:
        near = show.fill(deployment.nodes[0])
        far = [each for node in deployment.nodes[1:] for each in show.fill(node, clip=0)]
        show.settle()
        began = time.monotonic()
        deployment.network.cut(deployment.edge.host, "back")
        eventually(lambda: show.lost() == show.by_path(far), "all behind it to be reported lost")
        took = time.monotonic() - began
        report("a link is cut: clients behind it are reported lost", took)
        assert took < limit_s()
        # Subscriptions that are gone tell that the relay has given the connection up.
        eventually(lambda: show.raw._nodes() == 1, "half-open connections to be given up")
        report("a link is cut: half-open connections are given up", time.monotonic() - began)
        assert time.monotonic() - began < HALF_OPEN_S + BUSY_S
        wait_for_clips([each for each in near if each.path == CLIP])
        began = time.monotonic()
        deployment.network.heal(deployment.edge.host, "back")
        took = show.wait_for_right_count(began)
        report("a link heals: counts are right", took)
        assert took < REDIAL_S + limit_s()
        report("a link heals: streams go on", show.wait_for_frames(far, began))
        assert {each.state for each in far} == {State.OPEN}
        assert unbroken(near)
        show.end()


def test_a_link_that_is_cut_for_a_moment_delays(
    deployment: Deployment, context: Context, report: Report
) -> None:
    """A link that is cut for less than 6 s delays what is under way; connections outlive it.

    A client that was reported `lost` meanwhile is reported anew, and its clip begins anew.
    """
    with showing(deployment, context) as show:
        far = [each for node in deployment.nodes[1:] for each in show.fill(node)]
        show.settle()
        deployment.network.cut(deployment.edge.host, "back")
        eventually(lambda: show.producer.connections("cam1") == 0, "all behind it to be missed")
        began = time.monotonic()
        deployment.network.heal(deployment.edge.host, "back")
        took = show.wait_for_right_count(began)
        report("a link was cut for a moment: counts are right", took)
        clips = [each for each in far if each.path == CLIP]
        cameras = [each for each in far if each.path != CLIP]
        took = show.wait_for_frames(cameras, began)
        report("a link was cut for a moment: streams go on", took)
        assert unbroken(cameras)
        eventually(lambda: all(each.is_over for each in clips), "the clips to end")
        assert {each.state for each in clips} == {State.ENDED}
        assert all(each.numbers[-CLIP_PARTS:] == list(range(CLIP_PARTS)) for each in clips)
        show.end()
