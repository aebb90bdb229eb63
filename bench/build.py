"""What the harness makes for itself under bench/build/: two C programs and the peers' venv."""

import subprocess
import sys
from functools import cache
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
BUILD = BENCH / "build"
PEERS = BUILD / "peers"
PEERS_PYTHON = PEERS / "bin" / "python"
INSTALL_PEERS = "python -m bench install"
INSTALL_COMPILER = "apt-get install gcc libc6-dev"
INSTALL_TLS = "apt-get install libssl-dev openssl"
SOURCES = {"floor": ("floor.c", "stamp.c"), "load": ("load/*.c", "stamp.c")}
FLAGS = ("-O2", "-flto", "-Wall", "-Wextra")


@cache
def compiled(name: str) -> Path:
    """Gives a C program of ours, made anew when one of its sources is newer."""
    sources = [path for pattern in SOURCES[name] for path in sorted(BENCH.glob(pattern))]
    read = [*sources, *BENCH.glob("*.h"), *BENCH.glob("load/*.h")]
    program = BUILD / name
    newest = max(path.stat().st_mtime for path in read)
    if not program.exists() or program.stat().st_mtime < newest:
        BUILD.mkdir(exist_ok=True)
        command = ["cc", *FLAGS, "-o", str(program), *map(str, sources)]
        command += ["-DLOAD_TLS", "-lssl", "-lcrypto"] if name == "load" and has_tls() else []
        subprocess.run(command, check=True)
    return program


@cache
def has_tls() -> bool:
    """Says whether the load client can be built to speak TLS."""
    program = b"#include <openssl/ssl.h>\nint main(void) { return TLS_client_method() == 0; }\n"
    look = ["cc", "-xc", "-", "-o", "/dev/null", "-lssl", "-lcrypto"]
    return subprocess.run(look, input=program, capture_output=True, check=False).returncode == 0


@cache
def peer_has(package: str) -> bool:
    """Says whether the peers' environment can import a package."""
    if not PEERS_PYTHON.exists():
        return False
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([str(PEERS_PYTHON), "-c", look], check=False).returncode == 0


def install_peers() -> None:
    """Puts the peers of PyPI, and matplotlib for the plots, into a venv of their own."""
    if not PEERS_PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    requirements = str(BENCH / "peers" / "requirements.txt")
    pip = [str(PEERS_PYTHON), "-m", "pip", "install", "--quiet", "--requirement", requirements]
    subprocess.run(pip, check=True)
    peer_has.cache_clear()
