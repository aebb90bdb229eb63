/* The floor: what one delivered part costs when nothing but send() is left.
 *
 * A bare epoll server that makes its own stamped frames at a given rate and
 * writes one shared buffer to every connected socket. A client that has not
 * taken its last part whole skips frames until it has. No HTTP beyond one
 * response head, no ZeroMQ, no names.
 *
 *   floor <payload bytes> [content type [sendfile]]
 *
 * With `sendfile` each frame lies in a memory file, whose pages go to all sockets with no copy.
 *
 * prints `ready <port>`; takes `rate <frames per second>`, `mark` and `quit`
 * on standard input, `mark` answers `sent <frames>`. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "stamp.h"

#define TOKEN "floorfloorfloorfloorfloor"
#define MAX_FDS 65536
#define MAX_LIFE_S 7200      /* nobody has to clean up after a lost harness */
#define CATCH_UP_NS 100000000 /* a frame later than this is not made at all */

struct frame {
    int holders;
    int file; /* -1: none */
    size_t length;
    unsigned char bytes[];
};

struct client {
    int index; /* in watching[], -1 before the request has come */
    struct frame *unsent;
    size_t at;
};

static struct client clients[MAX_FDS];
static int watching[MAX_FDS], watching_count;
static int epoll_fd, listen_fd, timer_fd;
static size_t payload_bytes;
static const char *content_type = "application/octet-stream";
static int zero_copy;
static double rate;
static uint64_t next_frame_ns, sent;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int fd, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll_fd, op, fd, &event) != 0) die("epoll_ctl");
}

static int file_of(const struct frame *frame) {
    int fd = memfd_create("frame", MFD_CLOEXEC);
    if (fd < 0 || write(fd, frame->bytes, frame->length) != (ssize_t)frame->length) die("memfd_create");
    return fd;
}

static struct frame *frame_new(void) {
    char head[256];
    int head_bytes = snprintf(head, sizeof head, "\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                              content_type, payload_bytes);
    static const char tail[] = "\r\n--" TOKEN;
    size_t length = (size_t)head_bytes + payload_bytes + sizeof tail - 1;
    struct frame *frame = malloc(sizeof *frame + length);
    if (!frame) die("malloc");
    frame->holders = 1;
    frame->length = length;
    memcpy(frame->bytes, head, (size_t)head_bytes);
    stamp_write(frame->bytes + head_bytes, sent, payload_bytes);
    memcpy(frame->bytes + head_bytes + payload_bytes, tail, sizeof tail - 1);
    frame->file = zero_copy ? file_of(frame) : -1;
    return frame;
}

static void frame_drop(struct frame *frame) {
    if (--frame->holders) return;
    if (frame->file >= 0) close(frame->file);
    free(frame);
}

static ssize_t frame_send(int fd, const struct frame *frame, size_t at) {
    size_t rest = frame->length - at;
    off_t offset = (off_t)at;
    if (frame->file >= 0) return sendfile(fd, frame->file, &offset, rest);
    return send(fd, frame->bytes + at, rest, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void client_close(int fd) {
    struct client *client = &clients[fd];
    if (client->index >= 0) {
        int moved = watching[--watching_count];
        watching[client->index] = moved;
        clients[moved].index = client->index;
    }
    if (client->unsent) frame_drop(client->unsent);
    client->unsent = NULL;
    client->index = -1;
    close(fd);
}

/* Sends what it can of a frame; remembers the rest and waits for room. */
static void client_send(int fd, struct frame *frame, size_t at) {
    struct client *client = &clients[fd];
    ssize_t n = frame_send(fd, frame, at);
    if (n < 0 && errno != EAGAIN) {
        client_close(fd);
        return;
    }
    if (n > 0) at += (size_t)n;
    if (at < frame->length) {
        if (client->unsent != frame) {
            client->unsent = frame;
            frame->holders++;
            watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        }
        client->at = at;
    } else if (client->unsent) {
        client->unsent = NULL;
        frame_drop(frame);
        watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void fan_out(void) {
    struct frame *frame = frame_new();
    for (int i = watching_count - 1; i >= 0; i--) /* backwards: a close moves the last one here */
        if (!clients[watching[i]].unsent) client_send(watching[i], frame, 0);
    frame_drop(frame);
    sent++;
}

static void timer_set(void) {
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next_frame_ns / 1000000000u),
                                         .tv_nsec = (long)(next_frame_ns % 1000000000u)}};
    if (rate <= 0) at.it_value.tv_sec = at.it_value.tv_nsec = 0;
    if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0) die("timerfd_settime");
}

static void timer_due(void) {
    uint64_t expired, now = now_ns();
    if (read(timer_fd, &expired, sizeof expired) < 0) return;
    if (now > next_frame_ns + CATCH_UP_NS) next_frame_ns = now;
    fan_out();
    next_frame_ns += (uint64_t)(1e9 / rate);
    timer_set();
}

static void client_accept(void) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
        close(fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    clients[fd] = (struct client){.index = -1};
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static void client_request(int fd) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\n"
        "Content-Type: multipart/x-mixed-replace; boundary=" TOKEN "\r\n\r\n--" TOKEN;
    char request[4096];
    ssize_t n = recv(fd, request, sizeof request, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        client_close(fd);
    } else if (n > 0 && clients[fd].index < 0) { /* the load client sends its request in one piece */
        if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0) return client_close(fd);
        clients[fd].index = watching_count;
        watching[watching_count++] = fd;
    }
}

static void command(void) {
    char line[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
    if (n <= 0) exit(0);
    line[n] = 0;
    if (strncmp(line, "quit", 4) == 0) exit(0);
    if (strncmp(line, "mark", 4) == 0) printf("sent %llu\n", (unsigned long long)sent);
    if (sscanf(line, "rate %lf", &rate) == 1) {
        next_frame_ns = now_ns() + 1000000;
        timer_set();
        puts("ok");
    }
    fflush(stdout);
}

static void listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listen_fd, (struct sockaddr *)&address, length) || listen(listen_fd, 4096)) die("listen");
    getsockname(listen_fd, (struct sockaddr *)&address, &length);
    printf("ready %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void handle(int fd, uint32_t events) {
    if (fd == STDIN_FILENO) return command();
    if (fd == timer_fd) return timer_due();
    if (fd == listen_fd) return client_accept();
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) client_request(fd);
    if ((events & EPOLLOUT) && clients[fd].unsent) client_send(fd, clients[fd].unsent, clients[fd].at);
}

int main(int argc, char **argv) {
    payload_bytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (payload_bytes < STAMP_MIN_BYTES) {
        fprintf(stderr, "usage: floor <payload bytes, at least %d> [content type [sendfile]]\n", STAMP_MIN_BYTES);
        return 2;
    }
    if (argc > 2) content_type = argv[2];
    zero_copy = argc > 3 && strcmp(argv[3], "sendfile") == 0;
    signal(SIGPIPE, SIG_IGN); /* sendfile() has no flag for it */
    alarm(MAX_LIFE_S);
    filler_init();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    listen_on_loopback();
    watch(STDIN_FILENO, EPOLLIN, EPOLL_CTL_ADD);
    watch(timer_fd, EPOLLIN, EPOLL_CTL_ADD);
    watch(listen_fd, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, -1);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) handle(events[i].data.fd, events[i].events);
    }
}
