"""Pushpin, as Debian has it."""

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.servers.server import START_TIMEOUT_S, Place, Plan, Running, free_port, wait_for_port


class Pushpin:
    """Debian's Pushpin, its pacing off, with zurl and an origin that holds every request."""

    name = "pushpin"
    cores = 1
    CONFIG = Path("/etc/pushpin/pushpin.conf")

    def missing(self) -> str | None:
        there = shutil.which("pushpin") and shutil.which("zurl")
        return None if there else "apt-get install pushpin zurl"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        origin = place.start(ending, [sys.executable, "-m", "bench.peers.pushpin_origin"])
        origin_port = origin.read_until(r"ready (\d+)", START_TIMEOUT_S)[1]
        (place.directory / "routes").write_text(f"* 127.0.0.1:{origin_port}\n")
        (place.directory / "zurl.conf").write_text(self._zurl_config(place.directory))
        zurl = place.start(
            ending, ["zurl", f"--config={place.directory / 'zurl.conf'}"], speaks=False
        )
        port, way_in = free_port(), f"tcp://127.0.0.1:{free_port()}"
        config = place.directory / "pushpin.conf"
        config.write_text(self._pushpin_config(place.directory, port, way_in))
        pushpin = place.start(ending, ["pushpin", f"--config={config}"], speaks=False)
        wait_for_port(port)
        return Running([pushpin, zurl, origin], port, way_in=["pushpin", way_in])

    def _zurl_config(self, directory: Path) -> str:
        ways = {
            "in_spec": "in",
            "in_stream_spec": "stream",
            "out_spec": "out",
            "in_req_spec": "req",
        }
        lines = [f"{key}=ipc://{directory}/zurl-{way}" for key, way in ways.items()]
        return "\n".join(("[General]", *lines, "defpolicy=allow", "max_open_requests=2000", ""))

    def _pushpin_config(self, directory: Path, port: int, way_in: str) -> str:
        """Gives Debian's own configuration with paths and ports of this run."""
        settings = {
            "rundir": str(directory),
            "logdir": str(directory),
            "http_port": f"127.0.0.1:{port}",  # a bare port would be open to all
            "push_in_spec": way_in,
            "push_in_sub_specs": f"tcp://127.0.0.1:{free_port()}",
            "push_in_http_port": str(free_port()),
            "command_spec": f"tcp://127.0.0.1:{free_port()}",
            "message_rate": "-1",  # the default paces 2,500 deliveries per second
            "message_hwm": "1000000",
        }
        lines = []
        for line in self.CONFIG.read_text().splitlines():
            key = line.partition("=")[0]
            lines.append(f"{key}={settings[key]}" if key in settings else line)
            if line == "[proxy]":
                lines.append(f"zurl_out_specs=ipc://{directory}/zurl-in")
                lines.append(f"zurl_out_stream_specs=ipc://{directory}/zurl-stream")
                lines.append(f"zurl_in_specs=ipc://{directory}/zurl-out")
        return "\n".join((*lines, ""))
