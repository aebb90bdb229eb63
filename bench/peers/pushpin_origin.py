"""What Pushpin asks what to do with a request: hold it as a stream on its channel."""

import asyncio

import tornado.httpserver
import tornado.netutil
import tornado.web

from bench.ways import BOUNDARY


class HoldHandler(tornado.web.RequestHandler):
    def get(self, channel: str) -> None:
        self.set_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.set_header("Grip-Hold", "stream")
        self.set_header("Grip-Channel", channel)


async def main() -> None:
    application = tornado.web.Application(
        [(r"/streams/(.*)", HoldHandler)], log_function=lambda _handler: None
    )
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=4096)
    tornado.httpserver.HTTPServer(application).add_sockets(sockets)
    print(f"ready {sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
