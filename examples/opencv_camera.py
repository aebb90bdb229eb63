"""A camera that is read only while somebody watches.

In a checkout of partcast: pip install . opencv-python
"""

import cv2

from producer import Producer

camera = cv2.VideoCapture(0)
if not camera.isOpened():
    raise SystemExit("no camera 0")
with Producer() as producer:
    while producer.wait_for_clients("cam1"):
        taken, picture = camera.read()
        if taken:
            producer.publish("cam1", cv2.imencode(".jpg", picture)[1].tobytes())
