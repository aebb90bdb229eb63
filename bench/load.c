/* The load client: many HTTP viewers in one thread, every payload checked.
 *
 *   load <port> <life in s> <group> [<group> ...]
 *
 * A group is `key=value,...`:
 *   name      what the report calls it
 *   path      may hold one %d, the stream's number
 *   streams   how many streams the clients spread over (1)
 *   count     how many clients
 *   rate      bytes per second that each of them reads; 0 all it gets, -1 never reads (0)
 *   rcvbuf    SO_RCVBUF in bytes; 0 leaves it to the kernel (0)
 *   rush      new connections per second; 0 as fast as they are answered (0)
 *   hold_ms   each client leaves after so long; 0 stays (0)
 *   wait      1: starts at `launch <name>`, not at once (0)
 *   series    1: reports every part's arrival and age (0)
 *   check     one part in so many is compared byte by byte; of the others head, length, stamp
 *             and the sequence number at both ends are checked, and the kernel throws the
 *             bytes between away without copying them (1)
 *
 * Takes lines on standard input and answers each with one line of JSON:
 *   launch <name>   starts a waiting group
 *   status          what is connected by now
 *   begin           forgets what was counted: the window begins
 *   end             what came in the window
 *   quit
 *
 * Bodies may be identity or chunked. A part with a Content-Length is whole
 * with its last byte; one without when the delimiter after it has come, since
 * no reader could know earlier. The stamp inside (stamp.h) tells its length. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stamp.h"

#define READ_BYTES (256 * 1024) /* one read's worth: fits a core's cache, takes a part in few calls */
#define HEAD_BYTES 2048         /* response head, or a part's head with the delimiter before it */
#define PEEK_BYTES 512          /* takes a head and a stamp, and little of what may be thrown away */
#define SKIP_BYTES 8192         /* throwing away less than this costs more than copying it */
#define READS_AT_ONCE 8         /* then the other connections get their turn */
#define TICK_MS 5               /* throttled readers, rushes and leave times are looked at so often */
#define MAX_GROUPS 8
#define MAX_CONNECTING 256 /* handshakes under way at once, below any listen backlog */
#define MAX_SERIES 100000  /* parts a group reports one by one */

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
    int streams, count, rcvbuf, wait, series, check;
    int first, opened, connecting, open, failed, closed, clean, left;
    double rate, rush;
    uint64_t hold_ns, launched_ns;
    uint64_t parts, firsts, bytes, wire_bytes, gaps, repeats, disorder, corrupt, malformed;
    struct histogram latency, join;
    struct point *points;
    int point_count;
};

enum body { BODY_IDENTITY, BODY_CHUNK_SIZE, BODY_CHUNK_DATA, BODY_CHUNK_END };
enum state { CONNECTING, RESPONSE_HEAD, PART_HEAD, PAYLOAD, DONE };

struct connection {
    struct group *group;
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

static struct group groups[MAX_GROUPS];
static int group_count, connection_count, epoll_fd, port;
static struct connection *connections;
static unsigned char buffer[READ_BYTES];
static uint64_t window_ns, read_ns; /* read_ns: when the read that is being parsed returned */
static struct rusage window_usage;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* Counting */

static int bucket_of(uint64_t us) {
    if (us < 64) return (int)us;
    int octave = 63 - __builtin_clzll(us);
    if (octave > 40) return HISTOGRAM_BUCKETS - 1;
    return 64 + (octave - 6) * 32 + (int)((us >> (octave - 5)) & 31);
}

static uint64_t bucket_middle(int i) {
    if (i < 64) return (uint64_t)i;
    int octave = (i - 64) / 32 + 6;
    uint64_t step = 1ull << (octave - 5);
    return (1ull << octave) + (uint64_t)((i - 64) % 32) * step + step / 2;
}

static void histogram_add(struct histogram *h, uint64_t us) {
    h->count++;
    if (us > h->max) h->max = us;
    h->bucket[bucket_of(us)]++;
}

static uint64_t histogram_quantile(const struct histogram *h, double q) {
    uint64_t rank = (uint64_t)(q * (double)h->count), passed = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        passed += h->bucket[i];
        if (passed > rank) return bucket_middle(i) < h->max ? bucket_middle(i) : h->max;
    }
    return h->max;
}

static void count_age(struct connection *c) {
    struct group *g = c->group;
    uint64_t age_us = read_ns > c->seen.time_ns ? (read_ns - c->seen.time_ns) / 1000 : 0;
    histogram_add(&g->latency, age_us);
    if (g->points && g->point_count < MAX_SERIES)
        g->points[g->point_count++] = (struct point){(read_ns - window_ns) / 1000, age_us};
}

/* The first part of a connection may be the stream's last frame, of any age. */
static void count_sequence(struct connection *c) {
    struct group *g = c->group;
    uint64_t seq = c->seen.seq;
    if (!c->has_seen) {
        g->firsts++;
        histogram_add(&g->join, (read_ns - c->connect_ns) / 1000);
    } else if (seq == c->last_seq) {
        g->repeats++;
        return;
    } else if (seq < c->last_seq) {
        g->disorder++;
    } else {
        g->gaps += seq - c->last_seq - 1;
        count_age(c);
    }
    c->has_seen = 1;
    c->last_seq = seq;
}

static void part_whole(struct connection *c) {
    struct group *g = c->group;
    uint64_t tail;
    memcpy(&tail, c->tail, sizeof tail);
    g->parts++;
    g->bytes += c->length;
    c->window_parts++;
    if (c->corrupt || tail != c->seen.seq)
        g->corrupt++;
    else
        count_sequence(c);
}

/* Connections */

static void watch(struct connection *c, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, op, c->fd, &event) != 0) die("epoll_ctl");
}

static void connection_end(struct connection *c, int *counter) {
    if (c->state == DONE) return;
    if (c->state == CONNECTING || c->state == RESPONSE_HEAD)
        c->group->connecting--;
    else
        c->group->open--;
    (*counter)++;
    c->state = DONE;
    close(c->fd);
    c->fd = -1;
}

static void malformed(struct connection *c) {
    c->group->malformed++;
    connection_end(c, &c->group->failed);
}

static void connection_open(struct group *g) {
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

static void connection_streams(struct connection *c) {
    c->group->connecting--;
    c->group->open++;
    c->head_length = 0;
    c->state = PART_HEAD;
}

static void connection_ask(struct connection *c) {
    char path[256], request[512];
    snprintf(path, sizeof path, c->group->path, c->number % c->group->streams);
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n\r\n", path, port);
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        return connection_end(c, &c->group->failed);
    c->state = RESPONSE_HEAD;
    c->allowed_ns = now_ns();
    if (c->group->rate < 0) connection_streams(c); /* will not even read the response's head */
    watch(c, c->group->rate == 0 ? EPOLLIN : 0, EPOLL_CTL_MOD); /* throttled ones are read on ticks */
}

/* Parsing: response head, then part heads and payloads in turn. */

static const char *header_value(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    return found ? found + strlen(name) : NULL;
}

static void response_head(struct connection *c) {
    const char *type = header_value(c->head, "\r\nContent-Type:");
    const char *coding = header_value(c->head, "\r\nTransfer-Encoding:");
    const char *boundary = type ? strcasestr(type, "boundary=") : NULL;
    if (strncmp(c->head, "HTTP/1.", 7) != 0 || strncmp(c->head + 8, " 200", 4) != 0 || !boundary)
        return malformed(c);
    if (sscanf(boundary + 9, "%*[\"]%70[^\"\r\n;]", c->boundary + 2) != 1 &&
        sscanf(boundary + 9, "%70[^\"\r\n;]", c->boundary + 2) != 1)
        return malformed(c);
    memcpy(c->boundary, "--", 2);
    if (strncmp(c->boundary + 2, "--", 2) == 0) /* a widespread mistake: dashes within the parameter */
        memmove(c->boundary, c->boundary + 2, strlen(c->boundary + 2) + 1);
    c->boundary_length = (int)strlen(c->boundary);
    if (coding && strcasestr(coding, "chunked")) c->body = BODY_CHUNK_SIZE;
    connection_streams(c);
}

static void part_head(struct connection *c) {
    const char *length = header_value(c->head, "\r\nContent-Length:");
    c->has_length = length != NULL;
    c->length = length ? strtoull(length, NULL, 10) : 0;
    c->head_length = 0;
    if (!strstr(c->head, c->boundary)) return malformed(c);
    if (c->has_length && c->length < STAMP_MIN_BYTES) return malformed(c);
    c->at = 0;
    c->corrupt = c->unfinished = 0;
    c->state = PAYLOAD;
}

/* Looks at each head once it holds a delimiter: the part before may be whole
 * only now, and the stream may be over. */
static void delimiter_seen(struct connection *c) {
    if (c->unfinished) part_whole(c);
    c->unfinished = 0;
}

/* Takes bytes up to the blank line that ends a head; gives how many it took. */
static size_t take_head(struct connection *c, const unsigned char *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (c->head_length == HEAD_BYTES - 1) return malformed(c), n;
        c->head[c->head_length++] = (char)data[i];
        if (c->state == PART_HEAD && c->unfinished && c->head_length >= c->boundary_length &&
            memcmp(c->head + c->head_length - c->boundary_length, c->boundary,
                   (size_t)c->boundary_length) == 0)
            delimiter_seen(c);
        if (data[i] != '\n' || c->head_length < 4 ||
            memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4) != 0)
            continue;
        c->head[c->head_length] = 0;
        if (c->state == RESPONSE_HEAD)
            response_head(c);
        else if (c->head_length == 4) /* an empty line too many before the delimiter */
            c->head_length = 0;
        else
            part_head(c);
        return i + 1;
    }
    return n;
}

static void stamp_complete(struct connection *c) {
    memcpy(&c->seen, c->stamp, sizeof c->seen);
    if (!c->has_length) c->length = c->seen.length;
    if (memcmp(c->seen.magic, STAMP_MAGIC, 8) != 0 || c->seen.length != c->length ||
        c->length < STAMP_MIN_BYTES) {
        c->corrupt = 1;
        if (!c->has_length) malformed(c); /* nothing says where it ends */
    }
}

static size_t take_payload(struct connection *c, const unsigned char *data, size_t n) {
    uint64_t fill_end = c->length - STAMP_TAIL_BYTES, until;
    size_t take;
    if (c->at < STAMP_HEAD_BYTES)
        until = STAMP_HEAD_BYTES;
    else
        until = c->at < fill_end ? fill_end : c->length;
    take = n < until - c->at ? n : (size_t)(until - c->at);
    if (c->at < STAMP_HEAD_BYTES)
        memcpy(c->stamp + c->at, data, take);
    else if (c->at >= fill_end)
        memcpy(c->tail + (c->at - fill_end), data, take);
    else if (!c->corrupt && !filler_matches(data, c->seen.seq, c->at - STAMP_HEAD_BYTES, take))
        c->corrupt = 1;
    c->at += take;
    if (c->at == STAMP_HEAD_BYTES) stamp_complete(c);
    if (c->state == PAYLOAD && c->at >= STAMP_MIN_BYTES && c->at == c->length) {
        c->state = PART_HEAD;
        if (c->has_length)
            part_whole(c);
        else
            c->unfinished = 1;
    }
    return take;
}

static void take_body(struct connection *c, const unsigned char *data, size_t n) {
    while (n && c->state != DONE) {
        size_t took = c->state == PAYLOAD ? take_payload(c, data, n) : take_head(c, data, n);
        data += took;
        n -= took;
    }
}

static size_t take_chunk_size(struct connection *c, const unsigned char *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (isxdigit(data[i])) {
            int digit = isdigit(data[i]) ? data[i] - '0' : tolower(data[i]) - 'a' + 10;
            c->chunk_left = c->chunk_left * 16 + (uint64_t)digit;
        } else if (data[i] == '\n') {
            c->body = c->chunk_left ? BODY_CHUNK_DATA : BODY_CHUNK_SIZE;
            return i + 1;
        }
    }
    return n;
}

static void take_chunked(struct connection *c, const unsigned char *data, size_t n) {
    while (n && c->state != DONE) {
        size_t took;
        if (c->body == BODY_CHUNK_SIZE) {
            took = take_chunk_size(c, data, n);
        } else if (c->body == BODY_CHUNK_DATA) {
            took = n < c->chunk_left ? n : (size_t)c->chunk_left;
            take_body(c, data, took);
            c->chunk_left -= took;
            if (c->chunk_left == 0) c->body = BODY_CHUNK_END;
        } else { /* the line end behind a chunk */
            took = 1;
            if (*data == '\n') c->body = BODY_CHUNK_SIZE;
        }
        data += took;
        n -= took;
    }
}

static void take(struct connection *c, const unsigned char *data, size_t n) {
    c->group->wire_bytes += n;
    if (c->state == RESPONSE_HEAD) {
        size_t took = take_head(c, data, n);
        data += took;
        n -= took;
    }
    if (c->body == BODY_IDENTITY)
        take_body(c, data, n);
    else
        take_chunked(c, data, n);
}

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
    return check > 1 && c->body == BODY_IDENTITY &&
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
    ssize_t n = recv(c->fd, buffer, most, flags);
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
    return n == (ssize_t)most;
}

static void connection_read_on(struct connection *c) {
    for (int i = 0; i < READS_AT_ONCE && c->state != DONE; i++)
        if (!connection_read(c, sizeof buffer)) return;
}

static void connection_ready(struct connection *c, uint32_t events) {
    if (c->state == DONE) return;
    if (c->state == CONNECTING) {
        if (events & (EPOLLERR | EPOLLHUP)) return connection_end(c, &c->group->failed);
        connection_ask(c);
    } else if (events & EPOLLIN) {
        connection_read_on(c);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        connection_over(c);
    }
}

/* What happens by the clock */

static void read_throttled(struct connection *c, uint64_t now) {
    struct group *g = c->group;
    c->allowance += g->rate * (double)(now - c->allowed_ns) / 1e9;
    c->allowed_ns = now;
    if (c->allowance > g->rate / 10) c->allowance = g->rate / 10; /* no bursts after a pause */
    while (c->state != DONE && c->allowance >= 1) {
        size_t most = c->allowance < READ_BYTES ? (size_t)c->allowance : READ_BYTES;
        if (!connection_read(c, most)) return;
    }
}

static void group_tick(struct group *g, uint64_t now) {
    int due = g->count;
    if (!g->launched_ns) return;
    if (g->rush > 0) due = (int)(g->rush * (double)(now - g->launched_ns) / 1e9) + 1;
    if (due > g->count) due = g->count;
    while (g->opened < due && g->connecting < MAX_CONNECTING) connection_open(g);
    if (g->rate <= 0 && !g->hold_ns) return;
    for (int i = g->first; i < g->first + g->opened; i++) {
        struct connection *c = &connections[i];
        if (c->state == DONE || c->state == CONNECTING) continue;
        if (g->rate > 0) read_throttled(c, now);
        if (g->hold_ns && now - c->connect_ns > g->hold_ns) connection_end(c, &g->left);
    }
}

/* Reporting */

static void print_histogram(const char *name, const struct histogram *h) {
    printf(",\"%s\":{\"count\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu,\"buckets\":[",
           name, (unsigned long long)h->count, (unsigned long long)histogram_quantile(h, 0.5),
           (unsigned long long)histogram_quantile(h, 0.9), (unsigned long long)histogram_quantile(h, 0.99),
           (unsigned long long)h->max);
    const char *comma = "";
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (h->bucket[i]) {
            printf("%s[%llu,%u]", comma, (unsigned long long)bucket_middle(i), h->bucket[i]);
            comma = ",";
        }
    printf("]}");
}

static void print_spread(const struct group *g) {
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = g->first; i < g->first + g->opened; i++) {
        uint64_t parts = connections[i].window_parts;
        if (parts < least) least = parts;
        if (parts > most) most = parts;
    }
    printf(",\"parts_least\":%llu,\"parts_most\":%llu", (unsigned long long)(g->opened ? least : 0),
           (unsigned long long)most);
}

static void print_connections(const struct group *g) {
    printf("\"clients\":%d,\"opened\":%d,\"connecting\":%d,\"open\":%d,\"failed\":%d,\"closed\":%d,"
           "\"clean\":%d,\"left\":%d",
           g->count, g->opened, g->connecting, g->open, g->failed, g->closed, g->clean, g->left);
}

static void print_counts(const struct group *g) {
    printf(",\"parts\":%llu,\"firsts\":%llu,\"bytes\":%llu,\"wire_bytes\":%llu,\"gaps\":%llu,"
           "\"repeats\":%llu,\"disorder\":%llu,\"corrupt\":%llu,\"malformed\":%llu",
           (unsigned long long)g->parts, (unsigned long long)g->firsts, (unsigned long long)g->bytes,
           (unsigned long long)g->wire_bytes, (unsigned long long)g->gaps, (unsigned long long)g->repeats,
           (unsigned long long)g->disorder, (unsigned long long)g->corrupt,
           (unsigned long long)g->malformed);
    print_spread(g);
    print_histogram("latency_us", &g->latency);
    print_histogram("join_us", &g->join);
    if (!g->points) return;
    printf(",\"series_us\":[");
    for (int i = 0; i < g->point_count; i++)
        printf("%s[%llu,%llu]", i ? "," : "", (unsigned long long)g->points[i].arrived_us,
               (unsigned long long)g->points[i].age_us);
    printf("]");
}

static double seconds_used(const struct rusage *u) {
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void report(int with_counts) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"elapsed_s\":%.6f,\"own_cpu_s\":%.6f,\"groups\":{", (double)(now_ns() - window_ns) / 1e9,
           seconds_used(&usage) - seconds_used(&window_usage));
    for (int i = 0; i < group_count; i++) {
        printf("%s\"%s\":{", i ? "," : "", groups[i].name);
        print_connections(&groups[i]);
        if (with_counts) print_counts(&groups[i]);
        printf("}");
    }
    puts("}}");
}

static void begin(void) {
    for (int i = 0; i < group_count; i++) {
        struct group *g = &groups[i];
        g->parts = g->firsts = g->bytes = g->wire_bytes = 0;
        g->gaps = g->repeats = g->disorder = g->corrupt = g->malformed = 0;
        memset(&g->latency, 0, sizeof g->latency);
        memset(&g->join, 0, sizeof g->join);
        g->point_count = 0;
    }
    for (int i = 0; i < connection_count; i++) connections[i].window_parts = 0;
    window_ns = now_ns();
    getrusage(RUSAGE_SELF, &window_usage);
}

static void command(void) {
    char line[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
    if (n <= 0) exit(0);
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "quit") == 0) exit(0);
    if (strcmp(line, "end") == 0) {
        report(1);
    } else {
        if (strcmp(line, "begin") == 0) begin();
        if (strncmp(line, "launch ", 7) == 0)
            for (int i = 0; i < group_count; i++)
                if (strcmp(groups[i].name, line + 7) == 0) groups[i].launched_ns = now_ns();
        report(0);
    }
    fflush(stdout);
}

/* Starting */

static void group_set(struct group *g, const char *key, const char *value) {
    if (strcmp(key, "name") == 0) snprintf(g->name, sizeof g->name, "%s", value);
    else if (strcmp(key, "path") == 0) snprintf(g->path, sizeof g->path, "%s", value);
    else if (strcmp(key, "streams") == 0) g->streams = atoi(value);
    else if (strcmp(key, "count") == 0) g->count = atoi(value);
    else if (strcmp(key, "rate") == 0) g->rate = atof(value);
    else if (strcmp(key, "rcvbuf") == 0) g->rcvbuf = atoi(value);
    else if (strcmp(key, "rush") == 0) g->rush = atof(value);
    else if (strcmp(key, "hold_ms") == 0) g->hold_ns = strtoull(value, NULL, 10) * 1000000;
    else if (strcmp(key, "wait") == 0) g->wait = atoi(value);
    else if (strcmp(key, "series") == 0) g->series = atoi(value);
    else if (strcmp(key, "check") == 0) g->check = atoi(value);
    else {
        fprintf(stderr, "load: no such key: %s\n", key);
        exit(2);
    }
}

static void group_parse(char *text) {
    struct group *g = &groups[group_count++];
    g->streams = g->check = 1;
    for (char *rest = text, *pair; (pair = strsep(&rest, ","));) {
        char *value = strchr(pair, '=');
        if (!value) continue;
        *value++ = 0;
        group_set(g, pair, value);
    }
    g->first = connection_count;
    connection_count += g->count;
    if (!g->wait) g->launched_ns = now_ns();
    if (g->series) g->points = calloc(MAX_SERIES, sizeof *g->points);
}

static void serve(void) {
    uint64_t ticked = 0;
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(epoll_fd, events, 512, TICK_MS);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                connection_ready(events[i].data.ptr, events[i].events);
            else
                command();
        }
        uint64_t now = now_ns();
        if (now - ticked < TICK_MS * 1000000ull) continue;
        ticked = now;
        for (int i = 0; i < group_count; i++) group_tick(&groups[i], now);
    }
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 3 + MAX_GROUPS) {
        fprintf(stderr, "usage: load <port> <life in s> <group> [... up to %d]\n", MAX_GROUPS);
        return 2;
    }
    port = atoi(argv[1]);
    alarm((unsigned)atoi(argv[2])); /* nobody has to clean up after a lost harness */
    filler_init();
    for (int i = 3; i < argc; i++) group_parse(argv[i]);
    connections = calloc((size_t)connection_count, sizeof *connections);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    if (!connections || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0) die("start");
    begin();
    serve();
}
