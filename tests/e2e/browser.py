"""Headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from .processes import PATIENCE_S, eventually

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


def chromium() -> str:
    """Returns the browser's path; skips the test by name where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return path


class Page:
    """One page of the browser."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.write_message(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self._socket.read_message()
                assert message is not None, "the browser has gone"
                answer = json.loads(message)
                if answer.get("id") == number:
                    assert "error" not in answer, answer
                    return dict(answer["result"])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'", f"{url} to load")

    async def evaluate(self, script: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str, what: str) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (value := await self.evaluate(script)):
                    await asyncio.sleep(0.02)
                return value
        except TimeoutError:
            pytest.fail(f"not within {PATIENCE_S} s: {what}")


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """Opens a browser with one empty page."""
    profile = folder / "profile"
    process = subprocess.Popen(
        [chromium(), *QUIET, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    socket = None
    try:
        port_file = profile / "DevToolsActivePort"
        eventually(lambda: port_file.exists() and port_file.read_text().strip(), "the browser", 60)
        port = port_file.read_text().split()[0]
        url = eventually(lambda: _page_url(port), "a page of the browser", 60)
        socket = await websocket_connect(url)
        yield Page(socket)
    finally:
        if socket is not None:
            socket.close()
            while await socket.read_message() is not None:
                continue
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _page_url(port: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
        pages = [each for each in json.loads(answer.read()) if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"]) if pages else ""
