"""`docker-compose.yml` as it stands, run by a container engine, from nothing to nothing."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from .base_images import PROJECT
from .engine import Engine, compose_command, running_engine
from .processes import Viewer, close_sockets, eventually
from .proxying import Curl, free_port

# Building the image and starting a dozen containers takes as long as half of the other tests.
pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("PARTCAST_TEST_COMPOSE"),
        reason="minutes in a container engine: make test-compose runs them",
    ),
    pytest.mark.timeout(900),
]
# Containers take their time on a busy machine.
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Deployment:
    """The services of the compose file, and where they are published."""

    engine: Engine
    name: str
    ports: dict[str, int]

    def compose(self, *words: str) -> str:
        return self.engine.run(
            *compose_command(),
            "--project-name",
            self.name,
            "--file",
            str(PROJECT / "docker-compose.yml"),
            *words,
        )

    def up(self, streamers: int) -> None:
        self.compose("up", "--detach", "--scale", f"streamer={streamers}")
        eventually(self._proxy_serves, "the proxy to serve", PATIENCE_S)

    def _proxy_serves(self) -> bool:
        words = (
            "exec",
            self.containers("proxy")[0],
            "curl",
            "-fsS",
            "http://127.0.0.1:8080/readyz",
        )
        return self.engine.docker(*words, check=False) == "ready\n"

    def containers(self, service: str = "", *, ended: bool = False) -> list[str]:
        """Returns the ids of a service's containers that run, of all where none is named."""
        label = f"com.docker.compose.project={self.name}"
        words = ["ps", "--quiet", "--no-trunc", "--filter", f"label={label}"]
        words += ["--filter", f"label=com.docker.compose.service={service}"] if service else []
        return self.engine.docker(*words, *(["--all"] if ended else [])).split()

    def inspect(self, container: str) -> dict[str, Any]:
        return dict(json.loads(self.engine.docker("inspect", container))[0])

    def inside(self, container: str, *words: str) -> str:
        return self.engine.docker("exec", container, *words)

    def clients(self, container: str) -> int:
        """Returns how many clients of the pattern a streamer has, by its own word."""
        script = (
            "from urllib.request import urlopen\n"
            "print(urlopen('http://127.0.0.1:8080/streams').read().decode())"
        )
        said = self.inside(container, "python", "-c", script)
        return int(json.loads(said)["streams"].get("pattern", {}).get("connections", 0))

    def watch(self, stream: str) -> Viewer:
        with self.engine.network():
            return Viewer(self.ports["HTTP_PORT"], f"/streams/{stream}")

    @contextmanager
    def curl(self, stream: str, *arguments: str) -> Iterator[Curl]:
        url = f"https://127.0.0.1:{self.ports['HTTPS_PORT']}/streams/{stream}"
        curl = Curl(url, *arguments, inside=self.engine.inside)
        try:
            yield curl
        finally:
            curl.close()


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    ports = {f"{name}_PORT": free_port() for name in ("HTTP", "HTTPS", "FRAMES", "EVENTS")}
    compose_command()
    with running_engine() as engine:
        variables = {name: str(port) for name, port in ports.items()}
        variables |= {"PARTCAST_IMAGE": "partcast-tested", **engine.environment}
        deployment = Deployment(Engine(variables, engine.pid), f"partcast-{os.getpid()}", ports)
        try:
            deployment.compose("build")
            deployment.up(2)
            yield deployment
        finally:
            # Shown where a test has failed.
            sys.stdout.write(deployment.compose("logs", "--no-color", "--timestamps"))
            deployment.compose("down", "--volumes", "--timeout", "15")
            left = deployment.containers(ended=True)
    assert left == []


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    yield
    close_sockets()


@pytest.fixture
def streamers(deployment: Deployment) -> list[str]:
    """Two streamers that are well, whatever a test before has done to them."""
    deployment.up(2)
    return deployment.containers("streamer")


def test_both_streams_of_the_demo_are_watched_over_tls_and_http_2(deployment: Deployment) -> None:
    for stream in ("pattern", "replay"):
        with deployment.curl(stream, "--http2") as viewer:
            seen = viewer.wait_for(b"\r\nContent-Length: ", 10)
        assert seen.startswith(b"HTTP/2 200")


def test_both_streams_are_watched_over_plain_http_in_the_form_that_all_readers_take(
    deployment: Deployment,
) -> None:
    for stream in ("pattern", "replay"):
        parts = deployment.watch(stream).parts(5)
        assert all(part.body.startswith(b"\xff\xd8") for part in parts)
        assert len({part.body for part in parts}) == 5


def test_each_viewer_of_the_replay_begins_at_its_beginning(deployment: Deployment) -> None:
    first = deployment.watch("replay").parts(5)
    second = deployment.watch("replay").parts(5)
    assert [part.body for part in first] == [part.body for part in second]


def test_no_service_is_root_or_can_write_anything(deployment: Deployment) -> None:
    services = [deployment.inspect(each) for each in deployment.containers()]
    assert len(services) == 6
    for service in services:
        assert service["HostConfig"]["ReadonlyRootfs"]
        assert service["HostConfig"]["CapDrop"] == ["ALL"]
        assert not service["HostConfig"]["Privileged"]
        assert "no-new-privileges:true" in service["HostConfig"]["SecurityOpt"]
        status = deployment.inside(service["Id"], "cat", "/proc/1/status")
        assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)


def test_every_port_is_published_on_loopback_only(deployment: Deployment) -> None:
    published = [
        each["HostIp"]
        for container in deployment.containers()
        for bindings in deployment.inspect(container)["NetworkSettings"]["Ports"].values()
        for each in bindings or []
    ]
    assert published == ["127.0.0.1"] * 4


def test_the_proxy_keeps_little_waiting_for_a_slow_client(deployment: Deployment) -> None:
    (proxy,) = deployment.containers("proxy")
    limits = "/proc/sys/net/ipv4/tcp_notsent_lowat", "/proc/sys/net/ipv4/tcp_rmem"
    unsent, received = deployment.inside(proxy, "cat", *limits).splitlines()
    assert int(unsent) == 16384
    assert int(received.split()[-1]) == 65536


def test_a_producer_outside_the_containers_reaches_everybody(deployment: Deployment) -> None:
    viewer = deployment.watch("outside")
    script = (
        "import sys, zmq\n"
        "pub = zmq.Context().socket(zmq.XPUB)\n"
        "pub.connect('tcp://127.0.0.1:' + sys.argv[1])\n"
        "while not pub.recv().startswith(b'\\1all/'): pass\n"
        "pub.send_multipart([b'all/outside/', b'', b'\\xff\\xd8 from outside'])\n"
        "pub.context.destroy()\n"
    )
    port = str(deployment.ports["FRAMES_PORT"])
    deployment.engine.run(*deployment.engine.inside, sys.executable, "-c", script, port)
    assert viewer.parts(1)[0].body == b"\xff\xd8 from outside"


def test_when_a_streamer_is_killed_new_viewers_are_served_by_the_other(
    deployment: Deployment, streamers: list[str]
) -> None:
    viewers = [deployment.watch("pattern") for _ in range(4)]
    eventually(lambda: _spread(deployment, streamers) == [2, 2], "two clients each", PATIENCE_S)
    deployment.engine.docker("kill", streamers[0])
    for _ in range(3):
        assert deployment.watch("pattern").parts(2)
    assert sorted(map(_ending, viewers)) == ["broken off", "broken off", "on", "on"]


def test_a_streamer_that_is_stopped_ends_its_streams_cleanly(
    deployment: Deployment, streamers: list[str]
) -> None:
    viewers = [deployment.watch("pattern") for _ in range(4)]
    eventually(lambda: _spread(deployment, streamers) == [2, 2], "two clients each", PATIENCE_S)
    deployment.engine.docker("stop", "--time", "15", streamers[0])
    assert deployment.inspect(streamers[0])["State"]["ExitCode"] == 0
    assert sorted(map(_ending, viewers)) == ["ended", "ended", "on", "on"]
    assert deployment.watch("pattern").parts(2)


def test_a_streamer_that_is_added_gets_viewers_without_a_restart_of_the_proxy(
    deployment: Deployment, streamers: list[str]
) -> None:
    before = deployment.inspect(deployment.containers("proxy")[0])["State"]["StartedAt"]
    deployment.up(3)
    (added,) = set(deployment.containers("streamer")) - set(streamers)

    def gets_viewers() -> bool:
        deployment.watch("pattern").parts(1)
        return deployment.clients(added) > 0

    eventually(gets_viewers, "the third streamer to get a viewer", PATIENCE_S)
    assert deployment.inspect(deployment.containers("proxy")[0])["State"]["StartedAt"] == before


def test_everything_ends_in_good_order(deployment: Deployment, streamers: list[str]) -> None:
    deployment.compose("stop", "--timeout", "15")
    states = [deployment.inspect(each)["State"] for each in deployment.containers(ended=True)]
    assert [state["ExitCode"] for state in states] == [0] * len(states)
    assert not any(state["OOMKilled"] for state in states)


def _spread(deployment: Deployment, streamers: list[str]) -> list[int]:
    return [deployment.clients(each) for each in streamers]


def _ending(viewer: Viewer) -> str:
    """Reads on for longer than a streamer takes to end; tells what has become of the stream."""
    try:
        return "on" if all(viewer.part() is not None for _ in range(100)) else "ended"
    except AssertionError:
        return "broken off"
