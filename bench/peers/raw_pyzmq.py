"""The least a Python program can do with the wire: receive, and nothing else."""

import zmq


def main() -> None:
    frames: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    frames.subscribe(b"all/")
    frames.bind("tcp://127.0.0.1:*")
    print(f"ready 0 {frames.getsockopt_string(zmq.LAST_ENDPOINT)}", flush=True)
    while True:
        frames.recv_multipart(copy=False)


if __name__ == "__main__":
    main()
