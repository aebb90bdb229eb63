"""A folder of pictures, replayed from the first one for each viewer.

The streamer's file has to say overload = "queue" for the stream: then a viewer gets every
picture, and a slow one holds up nobody but himself.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path

from producer import Client, ClientGone, Producer


def replay(client: Client) -> None:
    try:
        for picture in sorted(Path("pictures").glob("*.jpg")):
            client.publish(picture.read_bytes())
            time.sleep(0.1)
    except ClientGone:
        return
    client.stop()


with suppress(KeyboardInterrupt), Producer() as producer:
    for client in producer.clients("clip"):
        threading.Thread(target=replay, args=(client,), daemon=True).start()
