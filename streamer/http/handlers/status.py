"""How the service is doing: for people, for programs, for orchestrators."""

from __future__ import annotations

import json
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Final

from streamer.http.handlers.base import Handler, RefusedError, unavailable
from streamer.http.site import Site
from streamer.metrics import CONTENT_TYPE, render

# Held in memory, so that the page comes also where no file can be opened.
PAGE: Final = {
    file.name: file.read_bytes() for file in (Path(__file__).parent.parent / "page").iterdir()
}
PAGE_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class ListHandler(Handler):
    """`/streams`: the figures of every known stream."""

    async def head(self) -> None:
        """Answers as `get` does, without the figures."""
        await self.get()

    async def get(self) -> None:
        """Answers with JSON."""
        figures = await self.site.statistics()
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.write(
            json.dumps(
                {
                    "node": figures.node,
                    "streams": {name: asdict(each) for name, each in figures.streams.items()},
                }
            )
        )


class PageHandler(Handler):
    """`/` and `/page/<file>`: the status page and what it is made of."""

    def head(self, name: str = "page.html") -> None:
        """Answers as `get` does, without the content."""
        self.get(name)

    def get(self, name: str = "page.html") -> None:
        """Answers with a file; the page asks for the figures itself."""
        if name not in PAGE:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"the page has no file {name}")
        self.set_header("Content-Type", f"{PAGE_TYPES[Path(name).suffix]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.write(PAGE[name])


class HealthHandler(Handler):
    """`/healthz`: the process is alive."""

    def get(self) -> None:
        """Answers 200."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write("ok\n")

    head = get


class ReadyHandler(Handler):
    """`/readyz`: the node takes clients and frames."""

    def get(self) -> None:
        """Answers 200, or 503 while starting and draining."""
        if not self.site.ready():
            raise unavailable("starting or draining")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write("ready\n")

    head = get


class MetricsHandler(Handler):
    """`/metrics`: the figures for Prometheus."""

    async def get(self) -> None:
        """Answers with the exposition text."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.write(render(await self.site.statistics()))

    head = get


class NotFoundHandler(Handler):
    """Every other path."""

    def prepare(self) -> None:
        """Refuses the path, whatever the method."""
        super().prepare()
        if self.request.method != "OPTIONS":
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such path: try /streams")


class MalformedHandler(Handler):
    """A request that HTTP does not allow."""

    def initialize(self, site: Site, text: str) -> None:  # type: ignore[override]
        """Takes the service, and what is wrong."""
        super().initialize(site)
        self._text = text

    def prepare(self) -> None:
        """Refuses the request, whatever the method."""
        super().prepare()
        raise RefusedError(HTTPStatus.BAD_REQUEST, self._text)
