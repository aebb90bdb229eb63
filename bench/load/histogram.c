/* Latencies without keeping each of them. */
#include "load.h"

static int bucket_of(uint64_t us) {
    if (us < 64) return (int)us;
    int octave = 63 - __builtin_clzll(us);
    if (octave > 40) return HISTOGRAM_BUCKETS - 1;
    return 64 + (octave - 6) * 32 + (int)((us >> (octave - 5)) & 31);
}

uint64_t histogram_middle(int i) {
    if (i < 64) return (uint64_t)i;
    int octave = (i - 64) / 32 + 6;
    uint64_t step = 1ull << (octave - 5);
    return (1ull << octave) + (uint64_t)((i - 64) % 32) * step + step / 2;
}

void histogram_add(struct histogram *h, uint64_t us) {
    h->count++;
    if (us > h->max) h->max = us;
    h->bucket[bucket_of(us)]++;
}

uint64_t histogram_quantile(const struct histogram *h, double q) {
    uint64_t rank = (uint64_t)(q * (double)h->count), passed = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        passed += h->bucket[i];
        if (passed > rank) return histogram_middle(i) < h->max ? histogram_middle(i) : h->max;
    }
    return h->max;
}
