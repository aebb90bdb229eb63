"""libzmq's own proxy between publishers and subscribers, and nothing else."""

import zmq


def main() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    frontend, backend = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    addresses = []
    for socket in (frontend, backend):
        socket.bind("tcp://127.0.0.1:*")
        addresses.append(socket.getsockopt_string(zmq.LAST_ENDPOINT))
    print("ready 0", *addresses, flush=True)
    zmq.proxy(frontend, backend)


if __name__ == "__main__":
    main()
