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
 *   tls       1: speaks TLS, and looks at no certificate (0)
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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

#define TICK_MS 5          /* throttled readers, rushes and leave times are looked at so often */
#define MAX_CONNECTING 64  /* handshakes under way at once, below any listen backlog */

struct group groups[MAX_GROUPS];
struct connection *connections;
int group_count, connection_count, epoll_fd, port;
uint64_t window_ns;

void die(const char *what) {
    perror(what);
    exit(1);
}

/* What happens by the clock */

static void group_tick(struct group *g, uint64_t now) {
    int due = g->count;
    if (!g->launched_ns) return;
    if (g->rush > 0) due = (int)(g->rush * (double)(now - g->launched_ns) / 1e9) + 1;
    if (due > g->count) due = g->count;
    while (g->opened < due && g->connecting < MAX_CONNECTING) connection_open(g);
    if (g->rate <= 0 && !g->hold_ns) return;
    for (int i = g->first; i < g->first + g->opened; i++) {
        struct connection *c = &connections[i];
        if (c->state == DONE || c->state <= HANDSHAKING) continue;
        if (g->rate > 0) connection_read_throttled(c, now);
        if (g->hold_ns && now - c->connect_ns > g->hold_ns) connection_end(c, &g->left);
    }
}

/* Commands */

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
        if (strcmp(line, "begin") == 0) window_begin();
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
    else if (strcmp(key, "tls") == 0) g->tls = atoi(value);
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
    window_begin();
    serve();
}
