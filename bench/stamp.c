/* Makes the payload that stamp.h describes. */
#include "stamp.h"

unsigned char filler[2 * FILLER_BYTES];

void filler_init(void) {
    uint32_t x = 2463534242u; /* Marsaglia's xorshift32 */
    for (int i = 0; i < FILLER_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        filler[i] = filler[i + FILLER_BYTES] = (unsigned char)x;
    }
}

void stamp_write(unsigned char *out, uint64_t seq, uint64_t length) {
    struct stamp head = {.seq = seq, .time_ns = now_ns(), .length = length};
    memcpy(head.magic, STAMP_MAGIC, sizeof head.magic);
    memcpy(out, &head, sizeof head);
    uint64_t fill = length - STAMP_MIN_BYTES;
    for (uint64_t at = 0; at < fill;) {
        uint64_t take = fill - at < FILLER_BYTES ? fill - at : FILLER_BYTES;
        memcpy(out + STAMP_HEAD_BYTES + at, filler + (seq + at) % FILLER_BYTES, take);
        at += take;
    }
    memcpy(out + length - STAMP_TAIL_BYTES, &seq, STAMP_TAIL_BYTES);
}
