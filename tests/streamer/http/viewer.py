"""A viewer that is nothing but a stream of bytes, and reads them strictly."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tornado.iostream import IOStream

from tests.streamer.multipart import Body, read_body

from .served import PATIENCE_S


class Viewer:
    """A connection on which one request was sent.

    Attributes:
        head: status line and header block of the answer, as text.

    """

    def __init__(self, stream: IOStream) -> None:
        self.stream = stream
        self.head = ""
        self._body = b""

    @classmethod
    async def ask(
        cls,
        port: int,
        path: str = "/streams/cam1",
        headers: Sequence[str] = (),
        *,
        method: str = "GET",
        version: str = "1.1",
        behind: bytes = b"",
        receive_buffer: int | None = None,
    ) -> Viewer:
        """Sends a request; returns when the answer's head has come."""
        viewer = await cls.connect(port, receive_buffer)
        lines = [f"{method} {path} HTTP/{version}", "Host: test", *headers, "", ""]
        await viewer.stream.write("\r\n".join(lines).encode() + behind)
        await viewer.read_head()
        return viewer

    @classmethod
    async def connect(cls, port: int, receive_buffer: int | None = None) -> Viewer:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        stream = IOStream(sock)
        await stream.connect(("127.0.0.1", port))
        return cls(stream)

    async def read_head(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            self.head = (await self.stream.read_until(b"\r\n\r\n")).decode("latin-1")

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.strip().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> Body:
        """What has come so far, read as a multipart body."""
        match = re.search(r"; boundary=([A-Za-z0-9]+)\r\n", self.head)
        assert match is not None, self.head
        return read_body(self._body, match[1])

    @property
    def numbers(self) -> list[int]:
        return self.body.numbers

    async def parts(self, number: int) -> list[int]:
        """Waits until so many parts are there; returns their numbers."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._body or len(self.body.parts) < number:
                self._body += await self.stream.read_bytes(1 << 16, partial=True)
        return self.numbers

    async def rest(self) -> bytes:
        """Reads up to the end of the connection; returns the whole body."""
        async with asyncio.timeout(PATIENCE_S):
            self._body += await self.stream.read_until_close()
        return self._body

    async def answer(self) -> bytes:
        """Reads an answer that is no stream: as many bytes as it says."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.stream.read_bytes(int(self.headers["content-length"]))

    def close(self) -> None:
        self.stream.close()


# Sends a request, as `Viewer.ask` does; the viewer is closed after the test.
Ask = Callable[..., Coroutine[Any, Any, Viewer]]
