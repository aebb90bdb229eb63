/* One line of JSON for each answer. */
#include <stdio.h>
#include <sys/resource.h>

#include "load.h"

static struct rusage window_usage;

static void print_histogram(const char *name, const struct histogram *h) {
    printf(",\"%s\":{\"count\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu,\"buckets\":[",
           name, (unsigned long long)h->count, (unsigned long long)histogram_quantile(h, 0.5),
           (unsigned long long)histogram_quantile(h, 0.9), (unsigned long long)histogram_quantile(h, 0.99),
           (unsigned long long)h->max);
    const char *comma = "";
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (h->bucket[i]) {
            printf("%s[%llu,%u]", comma, (unsigned long long)histogram_middle(i), h->bucket[i]);
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

void report(int with_counts) {
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

void window_begin(void) {
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
