/* The payload that every benchmark frame carries, so that whoever receives it
 * can tell whether it is whole, which one it is and how old it is.
 *
 *   0   8  magic, begins with FF D8 so that it may pass as image/jpeg
 *   8   8  sequence number, little endian
 *  16   8  CLOCK_MONOTONIC ns when it was handed to the transport (one clock for the whole machine)
 *  24   8  payload length in bytes
 *  32   -  filler: FILLER[(seq + i) % FILLER_BYTES], i counted from here
 *  -8   8  sequence number again: a payload made of two frames shows here
 *
 * stamp.c and stamp.py make the same bytes. */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#define STAMP_MAGIC "\xff\xd8PCAST1"
#define STAMP_HEAD_BYTES 32
#define STAMP_TAIL_BYTES 8
#define STAMP_MIN_BYTES (STAMP_HEAD_BYTES + STAMP_TAIL_BYTES)
#define FILLER_BYTES 16384 /* small enough to stay in a core's own cache beside the data checked */

struct stamp {
    char magic[8];
    uint64_t seq, time_ns, length;
};

extern unsigned char filler[2 * FILLER_BYTES]; /* twice, so that any FILLER_BYTES are contiguous */

void filler_init(void);
void stamp_write(unsigned char *out, uint64_t seq, uint64_t length);

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline int filler_matches(const unsigned char *data, uint64_t seq, uint64_t at, size_t n) {
    while (n) {
        size_t take = n < FILLER_BYTES ? n : FILLER_BYTES;
        if (memcmp(data, filler + (seq + at) % FILLER_BYTES, take) != 0) return 0;
        data += take;
        at += take;
        n -= take;
    }
    return 1;
}

#endif
