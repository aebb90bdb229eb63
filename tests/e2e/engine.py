"""A container engine for the tests: the one that runs here, or one started for them alone.

One of our own lives in a network namespace of its own, so that its bridges, ports and firewall
rules are nobody else's. No registry is asked from there: the two images that the deployment
builds on are made by debootstrap, from Debian's archive, and imported under their names.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from .base_images import NGINX_IMAGE, PYTHON_IMAGE, base_image
from .processes import PATIENCE_S, eventually
from .proxying import program

# Building and starting, on a busy machine.
LONG_S: Final = 600
# To move a thread into another network namespace (setns(2)).
CLONE_NEWNET: Final = 0x40000000


@dataclass(frozen=True)
class Engine:
    """A container engine.

    Attributes:
        environment: variables by which the clients find it.
        pid: its process, whose network it publishes ports in; None where that is ours.

    """

    environment: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None

    def run(self, *words: str, check: bool = True) -> str:
        """Runs a client of the engine; returns what it printed."""
        done = subprocess.run(
            words,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def docker(self, *words: str, check: bool = True) -> str:
        return self.run(program("docker", "docker.io"), *words, check=check)

    def answers(self) -> bool:
        words = ("version", "--format", "{{.Server.Version}}")
        return bool(self.docker(*words, check=False).strip())

    @property
    def inside(self) -> Sequence[str]:
        """The words before a command that is to run where ports are published."""
        if self.pid is None:
            return ()
        return (program("nsenter", "util-linux"), f"--target={self.pid}", "--net")

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Sockets made by this thread meanwhile are where ports are published, for good."""
        if self.pid is None:
            yield
            return
        with open("/proc/self/ns/net") as ours, open(f"/proc/{self.pid}/ns/net") as theirs:  # noqa: PTH123
            _enter(theirs.fileno())
            try:
                yield
            finally:
                _enter(ours.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def compose_command() -> list[str]:
    """Returns the words of Compose, old or new; skips the test by name where there is none."""
    words = [program("docker", "docker.io"), "compose"]
    if subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0:
        return words
    return [program("docker-compose", "docker-compose")]


@contextlib.contextmanager
def running_engine() -> Iterator[Engine]:
    """Finds an engine, or starts one; skips the test by name where neither can be had."""
    engine = Engine()
    if engine.answers():
        _pull_base_images(engine)
        yield engine
    elif os.geteuid() != 0:
        pytest.skip("no container engine answers, and only root can start one")
    else:
        with _own_engine() as own:
            for name in (PYTHON_IMAGE, NGINX_IMAGE):
                own.docker("import", str(base_image(name)), name)
            yield own


def _pull_base_images(engine: Engine) -> None:
    for name in (PYTHON_IMAGE, NGINX_IMAGE):
        if not engine.docker("images", "--quiet", name).strip():
            engine.docker("pull", name, check=False)
        if not engine.docker("images", "--quiet", name).strip():
            pytest.skip(f"the engine has no image {name}, and reaches no registry that has")


@contextlib.contextmanager
def _own_engine() -> Iterator[Engine]:
    for tool, package in (("iptables", "iptables"), ("debootstrap", "debootstrap")):
        program(tool, package)
    # The path of a socket has at most 107 bytes (unix(7)): not below pytest's folder.
    folder = Path(tempfile.mkdtemp(prefix="partcast-engine-"))
    process = _start_engine(folder)
    engine = Engine({"DOCKER_HOST": f"unix://{folder}/engine.sock"}, process.pid)
    try:
        eventually(
            lambda: process.poll() is not None or engine.answers(), "the engine to answer", 60
        )
        if process.poll() is not None:
            pytest.skip(f"dockerd does not run here: {_last_line(folder / 'log')}")
        yield engine
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S * 2)
        shutil.rmtree(folder)


def _start_engine(folder: Path) -> subprocess.Popen[bytes]:
    settings = folder / "settings.json"
    settings.write_text("{}")
    options = {
        "host": f"unix://{folder}/engine.sock",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "pidfile": folder / "pid",
        "config-file": settings,
    }
    words = [program("unshare", "util-linux"), "--net", "--", "sh", "-c"]
    words += [f'{program("ip", "iproute2")} link set lo up && exec "$@"', "sh"]
    words += [program("dockerd", "docker.io")]
    words += [f"--{name}={value}" for name, value in options.items()]
    # It calls iptables by name, which not everybody's path leads to.
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            words, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "no word"
