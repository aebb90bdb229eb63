"""VidGear's WebGear with a custom generator of ready frames, under uvicorn."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
from vidgear.gears.asyncio import WebGear

from bench.peers.intake import Newest, start_intake

newest = Newest()
content_type = sys.argv[1].encode()


async def parts() -> AsyncIterator[bytes]:
    number = newest.number
    while True:
        while number == newest.number:  # noqa: ASYNC110  its examples poll too
            await asyncio.sleep(0.001)
        number = newest.number
        yield b"--frame\r\nContent-Type:" + content_type + b"\r\n\r\n" + newest.frame + b"\r\n"


def main() -> None:
    web = WebGear(skip_generate_webdata=True)
    web.config["generator"] = parts
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(f"ready {listener.getsockname()[1]} {start_intake(newest)}", flush=True)
    config = uvicorn.Config(web(), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
