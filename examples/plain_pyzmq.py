"""A producer that uses nothing of partcast: pip install pyzmq."""

import time
from pathlib import Path

import zmq

frames = zmq.Context().socket(zmq.PUB)
frames.connect("tcp://127.0.0.1:5555")
while True:
    frames.send_multipart([b"all/cam1/", b"", Path("picture.jpg").read_bytes()])
    time.sleep(0.1)
