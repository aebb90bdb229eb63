/* Publishes pictures in turn, ten a second: cc -o producer producer.c -lzmq
 *
 *     ./producer first.jpg second.jpg
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

enum { LARGEST = 16 * 1024 * 1024 }; /* what a streamer takes unless told otherwise */

static size_t read_file(const char *path, unsigned char *bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, LARGEST, file);
    fclose(file);
    return size;
}

int main(int argc, char **argv) {
    unsigned char *picture = malloc(LARGEST);
    void *context = zmq_ctx_new();
    void *frames = zmq_socket(context, ZMQ_PUB);
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};

    if (argc < 2 || picture == NULL || zmq_connect(frames, "tcp://127.0.0.1:5555") != 0) {
        fprintf(stderr, "usage: %s PICTURE...\n", argv[0]);
        return 2;
    }
    for (int at = 1;; at = at % (argc - 1) + 1) {
        size_t size = read_file(argv[at], picture);
        zmq_send(frames, "all/cam1/", 9, ZMQ_SNDMORE);
        zmq_send(frames, "", 0, ZMQ_SNDMORE);
        zmq_send(frames, picture, size, 0);
        nanosleep(&pause, NULL);
    }
}
