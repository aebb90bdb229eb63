"""Stand-ins for the images that the deployment builds on, where no registry can be reached.

Each is a root made by debootstrap from Debian's archive: the one with the Python of Debian's
stable release and the wheels that the build asks for, the other with Debian's nginx.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from .proxying import program

PROJECT: Final = Path(__file__).resolve().parents[2]
PYTHON_IMAGE: Final = "python:3.13-slim"
NGINX_IMAGE: Final = "nginx:1.30"
MIRROR: Final = "http://deb.debian.org/debian"
LEFT_OUT: Final = ("./proc/*", "./sys/*", "./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*")


@dataclass(frozen=True)
class Root:
    """What a root is made of.

    Attributes:
        suite: release of Debian.
        script: debootstrap's script for it; older ones know no name of a newer release.
        packages: beside the smallest system.

    """

    suite: str
    script: str
    packages: tuple[str, ...]


ROOTS: Final = {
    PYTHON_IMAGE: Root(
        "trixie", "sid", ("python3", "python3-venv", "python-is-python3", "openssl")
    ),
    # The first release whose nginx resolves the names of an upstream while it runs.
    NGINX_IMAGE: Root("forky", "sid", ("nginx-light", "curl")),
}


def base_image(name: str) -> Path:
    """Returns the archive of a root that stands in for an image; makes it once, then keeps it."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "partcast"
    kept.mkdir(parents=True, exist_ok=True)
    archive = kept / f"{re.sub('[^a-z0-9.]', '-', name)}-{_fingerprint(name)}.tar"
    if not archive.exists():
        folder = Path(tempfile.mkdtemp(prefix="partcast-root-", dir=kept))
        try:
            _make(ROOTS[name], folder / "root")
            if name == PYTHON_IMAGE:
                _fetch_wheels(folder / "root")
            _pack(folder / "root", folder / "tar")
            (folder / "tar").replace(archive)
        finally:
            shutil.rmtree(folder)
    return archive


def _fingerprint(name: str) -> str:
    """Returns a word that changes with everything that a root is made of."""
    made_of = [repr(ROOTS[name])]
    if name == PYTHON_IMAGE:
        made_of += [
            (PROJECT / each).read_text() for each in ("pyproject.toml", "requirements.lock")
        ]
    return hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:12]


def _make(root: Root, folder: Path) -> None:
    debootstrap = program("debootstrap", "debootstrap")
    script = Path("/usr/share/debootstrap/scripts") / root.script
    words = [debootstrap, "--variant=minbase", f"--include={','.join(root.packages)}"]
    done = subprocess.run(
        [*words, root.suite, str(folder), MIRROR, str(script)], capture_output=True, check=False
    )
    if done.returncode:
        last = (done.stdout + done.stderr).decode(errors="replace").splitlines()[-1:]
        pytest.skip(f"debootstrap makes no {root.suite} here: {last}")


def _fetch_wheels(root: Path) -> None:
    """Puts everything into the root that a build installs, and tells its pip to look there.

    The root's own Python chooses what fits it; it reaches the index as this machine does.
    """
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    wanted += [
        each for extra in project["project"]["optional-dependencies"].values() for each in extra
    ]
    shutil.copy(PROJECT / "requirements.lock", root / "tmp")
    for path in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path("/", path), root / path)
    script = (
        "python -m venv /tmp/venv && /tmp/venv/bin/python -m pip download --quiet"
        ' --only-binary=:all: --constraint /tmp/requirements.lock --dest /wheels "$@"'
        " && rm -r /tmp/venv /tmp/requirements.lock"
    )
    done = subprocess.run(
        [program("chroot", "coreutils"), str(root), "sh", "-c", script, "sh", *wanted],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").splitlines()[-1:]
        pytest.skip(f"no wheels for an image can be fetched here: {last}")
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")


def _pack(root: Path, archive: Path) -> None:
    leave_out = [f"--exclude={each}" for each in LEFT_OUT]
    subprocess.run(["tar", "-C", str(root), *leave_out, "-cf", str(archive), "."], check=True)
