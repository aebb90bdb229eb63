"""nginx with the Nchan module."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.build import BENCH, INSTALL_TLS, has_tls
from bench.servers.server import Place, Plan, Running, free_port, make_certificate, wait_for_port
from bench.ways import BOUNDARY

MODULES = Path("/usr/lib/nginx/modules")


@dataclass(frozen=True)
class Nchan:
    """Raw streams of ready-made parts, published by HTTP POST."""

    name: str = "nchan"
    tls: bool = False
    cores: int = 1

    def missing(self) -> str | None:
        if self.tls and not (has_tls() and shutil.which("openssl")):
            return INSTALL_TLS
        there = shutil.which("nginx") and (MODULES / "ngx_nchan_module.so").exists()
        return None if there else "apt-get install nginx-light libnginx-mod-nchan"

    def start(self, plan: Plan, place: Place, ending: ExitStack) -> Running:
        del plan
        port, published = free_port(), free_port()
        config = place.directory / "nginx.conf"
        config.write_text(self._config(place.directory, port, published))
        command = ["nginx", "-p", str(place.directory), "-c", str(config)]
        child = place.start(ending, command, speaks=False)
        wait_for_port(port)
        way_in = ["http", f"http://127.0.0.1:{published}/publish"]
        return Running([child], port, tls=self.tls, way_in=way_in, health_path="/healthz")

    def _config(self, directory: Path, port: int, published: int) -> str:
        encrypted = ""
        if self.tls:
            made = make_certificate(directory)
            encrypted = f"ssl_certificate {made.chain}; ssl_certificate_key {made.key};"
        text = (BENCH / "peers" / "nginx.conf").read_text()
        for key, value in {
            "modules": str(MODULES),
            "directory": str(directory),
            "listen": f"127.0.0.1:{port}{' ssl' if self.tls else ''}",
            "published": f"127.0.0.1:{published}",
            "encrypted": encrypted,
            "boundary": BOUNDARY,
        }.items():
            text = text.replace(f"@{key}@", value)
        return text
