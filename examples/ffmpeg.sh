#!/bin/sh
# Whatever ffmpeg reads, as a stream:
#
#   ./ffmpeg.sh cam1 -i rtsp://camera/stream
#   ./ffmpeg.sh film -re -stream_loop -1 -i film.mp4
#
# The last pictures are kept up with, watched or not: a live source must not be held up.
set -eu
command -v partcast-producer >/dev/null || {
    echo "no partcast-producer here: first . .venv/bin/activate in the checkout" >&2
    exit 1
}
stream=$1
shift
ffmpeg -v error -nostdin "$@" -an -c:v mjpeg -q:v 4 -f mpjpeg - |
    partcast-producer publish "$stream" - --always
