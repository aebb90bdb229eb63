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


def compiled(name: str) -> Path:
    """Gives the program made of `<name>.c`, made anew when its source is newer."""
    sources = [BENCH / f"{name}.c", BENCH / "stamp.h"]
    program = BUILD / name
    newest = max(source.stat().st_mtime for source in sources)
    if not program.exists() or program.stat().st_mtime < newest:
        BUILD.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", str(program), str(sources[0])], check=True)
    return program


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
