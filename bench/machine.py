"""Which machine this is, and which versions of everything take part."""

import os
import platform
import re
import shutil
import ssl
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zmq

from bench.build import PEERS_PYTHON, ROOT

PRODUCT = ("protocol", "producer", "streamer")  # what a commit is of, for the record
SYSCTLS = ("net/core/wmem_max", "net/core/rmem_max", "net/ipv4/tcp_wmem", "net/ipv4/tcp_rmem")
OUR_PACKAGES = ("partcast", "tornado", "pyzmq", "msgpack")
PEERS_PACKAGES = ("flask", "werkzeug", "mjpeg-streamer", "vidgear", "uvicorn", "pyzmq")
COMMANDS = {
    "cc": ["cc", "-dumpfullversion"],
    "nginx": ["nginx", "-v"],
    "nchan": ["dpkg-query", "-Wf", "${Version}", "libnginx-mod-nchan"],
    "pushpin": ["pushpin", "--version"],
}


def describe_machine() -> dict[str, Any]:
    """Gives what the figures depend on."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") >> 20,
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "sysctl": {name.replace("/", "."): _sysctl(name) for name in SYSCTLS},
    }


def machine_name(machine: dict[str, Any]) -> str:
    """Gives a short name for files: cores and processor."""
    cpu = re.sub(r"[^a-z0-9]+", "-", machine["cpu"].lower()).strip("-")
    return f"{machine['cores']}x-{cpu}"


def describe_versions() -> dict[str, str]:
    """Gives the versions of what is installed."""
    versions = {"python": platform.python_version(), "libzmq": zmq.zmq_version()}
    versions["openssl"] = ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").partition(" ")[0]
    versions |= {name: version(name) for name in OUR_PACKAGES}
    for name, command in COMMANDS.items():
        if shutil.which(command[0]):
            line = _first_line(command)
            versions[name] = line.rpartition("/" if name == "nginx" else " ")[2]
    return {key: value for key, value in (versions | _peers_versions()).items() if value}


def describe_source() -> str:
    """Gives the product's last commit, with a mark where it was changed since."""
    commit = _git("log", "-1", "--format=%h", "--", *PRODUCT)
    if not commit:
        return "unknown"
    changed = _git("status", "--porcelain", "--", *PRODUCT)
    return f"{commit}+changes" if changed else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _sysctl(name: str) -> str:
    return " ".join(Path("/proc/sys", name).read_text().split())


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""


def _peers_versions() -> dict[str, str]:
    if not PEERS_PYTHON.exists():
        return {}
    look = (
        "from importlib.metadata import version, PackageNotFoundError\n"
        f"for name in {PEERS_PACKAGES!r}:\n"
        "    try: print(name, version(name))\n"
        "    except PackageNotFoundError: pass\n"
    )
    done = subprocess.run(
        [str(PEERS_PYTHON), "-c", look], capture_output=True, text=True, check=False
    )
    pairs = (line.split() for line in done.stdout.splitlines())
    return {f"peers' {name}": number for name, number in pairs}
