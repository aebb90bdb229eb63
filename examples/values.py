"""Any data, not only pictures: a reading in JSON, once a second.

curl -N http://127.0.0.1:8080/streams/load
"""

import json
import os
import time
from contextlib import suppress

from producer import Producer

with suppress(KeyboardInterrupt), Producer() as producer:
    while producer.wait_for_clients("load"):
        body = json.dumps({"load": os.getloadavg()[0]}).encode()
        producer.publish("load", body, content_type="application/json", time_ns=time.time_ns())
        time.sleep(1)
