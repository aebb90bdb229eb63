/* One viewer's connection: opened, read as its group says, and ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define PEEK_BYTES 512  /* takes a head and a stamp, and little of what may be thrown away */
#define SKIP_BYTES 8192 /* throwing away less than this costs more than copying it */
#define READS_AT_ONCE 8 /* then the other connections get their turn */
#define TLS_READS_AT_ONCE (READ_BYTES / 16384) /* a read gives one record at most */

static unsigned char buffer[READ_BYTES];

static void watch(struct connection *c, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, op, c->fd, &event) != 0) die("epoll_ctl");
}

void connection_end(struct connection *c, int *counter) {
    if (c->state == DONE) return;
    if (c->state <= RESPONSE_HEAD)
        c->group->connecting--;
    else
        c->group->open--;
    (*counter)++;
    c->state = DONE;
    tls_end(c);
    close(c->fd);
    c->fd = -1;
}

void connection_malformed(struct connection *c) {
    c->group->malformed++;
    connection_end(c, &c->group->failed);
}

void connection_streams(struct connection *c) {
    c->group->connecting--;
    c->group->open++;
    c->head_length = 0;
    c->state = PART_HEAD;
}

/* Opening */

void connection_open(struct group *g) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct connection *c = &connections[g->first + g->opened];
    *c = (struct connection){.group = g, .number = g->opened++, .connect_ns = now_ns()};
    g->connecting++;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    if (g->rcvbuf) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &g->rcvbuf, sizeof g->rcvbuf);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        return connection_end(c, &g->failed);
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void connection_ask(struct connection *c) {
    char path[256], request[512];
    snprintf(path, sizeof path, c->group->path, c->number % c->group->streams);
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n\r\n", path, port);
    long sent = c->tls ? tls_send(c, request, (size_t)n) : send(c->fd, request, (size_t)n, MSG_NOSIGNAL);
    if (sent != n) return connection_end(c, &c->group->failed);
    c->state = RESPONSE_HEAD;
    c->allowed_ns = now_ns();
    if (c->group->rate < 0) connection_streams(c); /* will not even read the response's head */
    watch(c, c->group->rate == 0 ? EPOLLIN : 0, EPOLL_CTL_MOD); /* throttled ones are read on ticks */
}

static void connection_shake(struct connection *c) {
    int done = tls_handshake(c);
    if (done < 0) return connection_end(c, &c->group->failed);
    if (done) connection_ask(c);
}

static void connection_connected(struct connection *c) {
    if (!c->group->tls) return connection_ask(c);
    tls_start(c);
    c->state = HANDSHAKING;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    connection_shake(c);
}

/* Reading */

static void connection_over(struct connection *c) {
    char closing[90];
    int n = snprintf(closing, sizeof closing, "%s--", c->boundary);
    int clean = c->state == PART_HEAD && c->head_length >= n &&
                memmem(c->head, (size_t)c->head_length, closing, (size_t)n) != NULL;
    c->group->clean += clean;
    connection_end(c, c->state == RESPONSE_HEAD ? &c->group->failed : &c->group->closed);
}

/* Every frame is compared by some clients, and every client compares some frames. */
static int only_skims(const struct connection *c) {
    int check = c->group->check;
    return check > 1 && c->body == BODY_IDENTITY && !c->tls &&
           (c->state != PAYLOAD || c->at < STAMP_HEAD_BYTES ||
            (c->seen.seq + (uint64_t)c->number) % (uint64_t)check != 0);
}

static uint64_t skippable(const struct connection *c) {
    uint64_t fill_end = c->length - STAMP_TAIL_BYTES;
    if (c->state != PAYLOAD || c->at < STAMP_HEAD_BYTES || c->at >= fill_end) return 0;
    return fill_end - c->at;
}

/* Gives 1 while the socket may hold more. */
static int connection_read(struct connection *c, size_t most) {
    int skims = only_skims(c), flags = 0;
    uint64_t skips = skims ? skippable(c) : 0;
    if (skips > SKIP_BYTES) {
        flags = MSG_TRUNC;
        most = skips < most ? (size_t)skips : most;
    } else if (skims && skips == 0 && most > PEEK_BYTES) {
        most = PEEK_BYTES;
    }
    int is_tls = c->tls != NULL;
    long n = is_tls ? tls_recv(c, buffer, most) : recv(c->fd, buffer, most, flags);
    if (n > 0) {
        read_ns = now_ns();
        if (flags) {
            c->at += (uint64_t)n;
            c->group->wire_bytes += (uint64_t)n;
        } else {
            take(c, buffer, (size_t)n);
        }
        c->allowance -= (double)n;
    } else if (n == 0 || errno != EAGAIN) {
        connection_over(c);
    }
    return is_tls ? n > 0 : n == (long)most;
}

static void connection_read_on(struct connection *c) {
    int reads = c->tls ? TLS_READS_AT_ONCE : READS_AT_ONCE;
    for (int i = 0; i < reads && c->state != DONE; i++)
        if (!connection_read(c, sizeof buffer)) return;
}

void connection_ready(struct connection *c, uint32_t events) {
    if (c->state == DONE) return;
    if (c->state == CONNECTING || c->state == HANDSHAKING) {
        if (events & (EPOLLERR | EPOLLHUP)) return connection_end(c, &c->group->failed);
        if (c->state == CONNECTING)
            connection_connected(c);
        else
            connection_shake(c);
    } else if (events & EPOLLIN) {
        connection_read_on(c);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        connection_over(c);
    }
}

void connection_read_throttled(struct connection *c, uint64_t now) {
    struct group *g = c->group;
    c->allowance += g->rate * (double)(now - c->allowed_ns) / 1e9;
    c->allowed_ns = now;
    if (c->allowance > g->rate / 10) c->allowance = g->rate / 10; /* no bursts after a pause */
    while (c->state != DONE && c->allowance >= 1) {
        size_t most = c->allowance < READ_BYTES ? (size_t)c->allowance : READ_BYTES;
        if (!connection_read(c, most)) return;
    }
}
