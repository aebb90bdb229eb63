"""How to start each server, and how frames get into it.

A new peer is one entry here: its name, what is missing, and how it starts.
"""

from bench.servers.floor import Floor
from bench.servers.follower import Follower
from bench.servers.nchan import Nchan
from bench.servers.partcast import Partcast, Relay
from bench.servers.pushpin import Pushpin
from bench.servers.python_peer import PythonPeer
from bench.servers.server import Place, Plan, Running, Server

__all__ = ["SERVERS", "Place", "Plan", "Running", "Server"]

# Far beyond what waits at saturation: nobody is ever behind, as with a server that only queues.
DEEP = "client_buffer_bytes = 8388608"
# Two workers of so much of a core fit on the one that is not the load's.
SHARE = 0.4

_ALL: tuple[Server, ...] = (
    Floor(),
    Floor(sendfile=True),
    Partcast(),
    Partcast("partcast-deep", stream_settings=DEEP),
    Partcast("partcast-relayed", relayed=True),
    Partcast("partcast-2-workers", workers=2),
    Partcast("partcast-1-share", share=SHARE),
    Partcast("partcast-2-shares", share=SHARE, workers=2),
    Partcast("partcast-tls", tls=True),
    *(
        Partcast(f"partcast-{variant}", variant=variant)
        for variant in (
            "no-batching",
            "no-ceiling",
            "no-rows",
            "no-freshness",
            "always-fresh",
            "uvloop",
        )
    ),
    Relay(),
    Nchan(),
    Nchan("nchan-tls", tls=True),
    Pushpin(),
    PythonPeer("plain", "plain_tornado", health_path="/healthz"),
    PythonPeer(
        "flask", "flask_generator", needs="flask", arguments=lambda plan: [plan.content_type]
    ),
    PythonPeer(
        "mjpeg-streamer",
        "mjpeg_streamer_server",
        needs="mjpeg_streamer",
        arguments=lambda plan: [str(round(plan.frames_per_s))],
        path="/s%d",
    ),
    PythonPeer(
        "vidgear",
        "vidgear_webgear",
        needs="vidgear",
        arguments=lambda plan: [plan.content_type],
        path="/video",
    ),
    PythonPeer("raw-pyzmq", "raw_pyzmq"),
    PythonPeer("zmq-proxy", "zmq_proxy"),
    Follower("producer", "blocking"),
    Follower("async-producer", "asynchronous"),
    Follower("raw-sub", "raw"),
)

SERVERS = {server.name: server for server in _ALL}
