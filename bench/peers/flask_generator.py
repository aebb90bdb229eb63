"""The generator of the Flask tutorials: a thread for each client."""

import sys
from collections.abc import Iterator

import flask
import werkzeug.serving

from bench.peers.intake import Newest, start_intake

app = flask.Flask(__name__)
newest = Newest()
content_type = sys.argv[1].encode()


def parts() -> Iterator[bytes]:
    number = newest.number
    yield b"--frame\r\n"
    while True:
        number, frame = newest.after(number)
        yield b"Content-Type: " + content_type + b"\r\n\r\n" + frame + b"\r\n--frame\r\n"


@app.get("/streams/<name>")
def stream(name: str) -> flask.Response:
    del name
    return flask.Response(parts(), mimetype="multipart/x-mixed-replace; boundary=frame")


if __name__ == "__main__":
    address = start_intake(newest)
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    print(f"ready {server.server_port} {address}", flush=True)
    server.serve_forever()
