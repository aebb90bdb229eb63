/* Parsing: response head, then part heads and payloads in turn, and what each whole part counts. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

uint64_t read_ns;

/* Counting */

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

/* Heads */

static const char *header_value(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    return found ? found + strlen(name) : NULL;
}

static void response_head(struct connection *c) {
    const char *type = header_value(c->head, "\r\nContent-Type:");
    const char *coding = header_value(c->head, "\r\nTransfer-Encoding:");
    const char *boundary = type ? strcasestr(type, "boundary=") : NULL;
    if (strncmp(c->head, "HTTP/1.", 7) != 0 || strncmp(c->head + 8, " 200", 4) != 0 || !boundary)
        return connection_malformed(c);
    if (sscanf(boundary + 9, "%*[\"]%70[^\"\r\n;]", c->boundary + 2) != 1 &&
        sscanf(boundary + 9, "%70[^\"\r\n;]", c->boundary + 2) != 1)
        return connection_malformed(c);
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
    if (!strstr(c->head, c->boundary)) return connection_malformed(c);
    if (c->has_length && c->length < STAMP_MIN_BYTES) return connection_malformed(c);
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
        if (c->head_length == HEAD_BYTES - 1) return connection_malformed(c), n;
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

/* Payloads */

static void stamp_complete(struct connection *c) {
    memcpy(&c->seen, c->stamp, sizeof c->seen);
    if (!c->has_length) c->length = c->seen.length;
    if (memcmp(c->seen.magic, STAMP_MAGIC, 8) != 0 || c->seen.length != c->length ||
        c->length < STAMP_MIN_BYTES) {
        c->corrupt = 1;
        if (!c->has_length) connection_malformed(c); /* nothing says where it ends */
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

/* Bodies */

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

void take(struct connection *c, const unsigned char *data, size_t n) {
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
