"""The plain design: ZeroMQ SUB in asyncio, a task per client, `write` and `await flush()`."""

import asyncio
import sys

import msgpack
import tornado.httpserver
import tornado.netutil
import tornado.web
import zmq
import zmq.asyncio

BOUNDARY = "plainplainplainplainplain"


class Stream:
    """The newest part and who waits for the next one."""

    def __init__(self) -> None:
        self.part = b""
        self.number = 0
        self.changed = asyncio.Condition()


class Streams(dict[str, Stream]):
    def __missing__(self, name: str) -> Stream:
        self[name] = Stream()
        return self[name]


def encode_part(content_type: str, body: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body + b"\r\n"


class StreamHandler(tornado.web.RequestHandler):
    def initialize(self, streams: Streams) -> None:
        self.streams = streams

    async def get(self, name: str) -> None:
        stream = self.streams[name]
        self.set_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.set_header("Cache-Control", "no-store")
        await self.flush()
        seen = stream.number
        while True:
            async with stream.changed:
                await stream.changed.wait_for(lambda: stream.number > seen)  # noqa: B023
            seen = stream.number
            self.write(stream.part)
            await self.flush()


class HealthHandler(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write("ok")


async def receive(frames: zmq.asyncio.Socket, streams: Streams) -> None:
    while True:
        topic, header, body = await frames.recv_multipart()
        stream = streams[topic.decode().split("/")[1]]
        content_type = msgpack.unpackb(header).get("content_type", "image/jpeg")
        stream.part = encode_part(content_type, body)
        stream.number += 1
        async with stream.changed:
            stream.changed.notify_all()


async def main() -> None:
    streams = Streams()
    frames = zmq.asyncio.Context.instance().socket(zmq.SUB)
    frames.subscribe(b"all/")
    frames.bind("tcp://127.0.0.1:*")
    application = tornado.web.Application(
        [(r"/streams/(.*)", StreamHandler, {"streams": streams}), (r"/healthz", HealthHandler)],
        log_function=lambda _handler: None,
    )
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=4096)
    tornado.httpserver.HTTPServer(application).add_sockets(sockets)
    address = frames.getsockopt_string(zmq.LAST_ENDPOINT)
    print(f"ready {sockets[0].getsockname()[1]} {address}", flush=True)
    await receive(frames, streams)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
