/* What the pieces of the load client share: groups of viewers, their connections, their counts. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "../stamp.h"

#define HEAD_BYTES 2048    /* response head, or a part's head with the delimiter before it */
#define MAX_GROUPS 8
#define MAX_SERIES 100000  /* parts a group reports one by one */
#define READ_BYTES (256 * 1024) /* one read's worth: fits a core's cache, takes a part in few calls */

/* Log-linear histogram of microseconds: 32 steps per octave, so 3 % exact. */
#define HISTOGRAM_BUCKETS (64 + 35 * 32)

struct histogram {
    uint64_t count, max;
    uint32_t bucket[HISTOGRAM_BUCKETS];
};

struct point {
    uint64_t arrived_us, age_us;
};

struct group {
    char name[32], path[200];
    int streams, count, rcvbuf, wait, series, check, tls;
    int first, opened, connecting, open, failed, closed, clean, left;
    double rate, rush;
    uint64_t hold_ns, launched_ns;
    uint64_t parts, firsts, bytes, wire_bytes, gaps, repeats, disorder, corrupt, malformed;
    struct histogram latency, join;
    struct point *points;
    int point_count;
};

enum body { BODY_IDENTITY, BODY_CHUNK_SIZE, BODY_CHUNK_DATA, BODY_CHUNK_END };
enum state { CONNECTING, HANDSHAKING, RESPONSE_HEAD, PART_HEAD, PAYLOAD, DONE };

struct connection {
    struct group *group;
    void *tls; /* OpenSSL's, where the group speaks it */
    int fd, number;
    enum state state;
    enum body body;
    uint64_t chunk_left;
    int head_length, boundary_length;
    char boundary[80]; /* with the two dashes before it */
    char head[HEAD_BYTES];
    int has_length, corrupt, unfinished; /* unfinished: whole but for the delimiter behind it */
    uint64_t length, at;
    unsigned char stamp[STAMP_HEAD_BYTES], tail[STAMP_TAIL_BYTES];
    struct stamp seen;
    int has_seen;
    uint64_t last_seq, connect_ns, window_parts;
    double allowance;
    uint64_t allowed_ns;
};

/* main.c */
extern struct group groups[MAX_GROUPS];
extern struct connection *connections;
extern int group_count, connection_count, epoll_fd, port;
extern uint64_t window_ns;
void die(const char *what);

/* histogram.c */
void histogram_add(struct histogram *h, uint64_t us);
uint64_t histogram_quantile(const struct histogram *h, double q);
uint64_t histogram_middle(int bucket);

/* parse.c: takes what a read gave */
extern uint64_t read_ns; /* when the read that is being parsed returned */
void take(struct connection *c, const unsigned char *data, size_t n);

/* connection.c */
void connection_open(struct group *g);
void connection_end(struct connection *c, int *counter);
void connection_streams(struct connection *c);
void connection_malformed(struct connection *c);
void connection_ready(struct connection *c, uint32_t events);
void connection_read_throttled(struct connection *c, uint64_t now);

/* tls.c: as connect, send and recv of a socket, with EAGAIN where they would wait */
void tls_start(struct connection *c);
int tls_handshake(struct connection *c); /* 1 done, 0 later, -1 failed */
long tls_send(struct connection *c, const void *data, size_t n);
long tls_recv(struct connection *c, void *data, size_t n);
void tls_end(struct connection *c);

/* report.c */
void window_begin(void);
void report(int with_counts);

#endif
