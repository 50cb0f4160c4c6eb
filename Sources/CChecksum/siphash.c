#include "CChecksum.h"

#include <string.h>

/* SipHash-1-3: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", with one round a word and three at
 * the end. */

static inline uint64_t rotated(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

struct state {
    uint64_t a, b, c, d;
};

static inline void mix(struct state *s) {
    s->a += s->b;
    s->c += s->d;
    s->b = rotated(s->b, 13) ^ s->a;
    s->d = rotated(s->d, 16) ^ s->c;
    s->a = rotated(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotated(s->b, 17) ^ s->c;
    s->d = rotated(s->d, 21) ^ s->a;
    s->c = rotated(s->c, 32);
}

static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int index = 7; index >= 0; index--) word = word << 8 | bytes[index];
    return word;
}

uint64_t hookline_siphash13(uint64_t key0, uint64_t key1, const void *input, size_t count) {
    const uint8_t *bytes = input;
    struct state s = {
        0x736f6d6570736575u ^ key0, 0x646f72616e646f6du ^ key1, 0x6c7967656e657261u ^ key0, 0x7465646279746573u ^ key1};
    size_t left = count;
    for (; left >= 8; left -= 8, bytes += 8) {
        uint64_t word = word_at(bytes);
        s.d ^= word;
        mix(&s);
        s.a ^= word;
    }
    uint64_t last = (uint64_t)count << 56;
    for (size_t index = 0; index < left; index++) last |= (uint64_t)bytes[index] << (8 * index);
    s.d ^= last;
    mix(&s);
    s.a ^= last;
    s.c ^= 0xff;
    for (int round = 0; round < 3; round++) mix(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t hookline_fingerprint(
    uint64_t key0, uint64_t key1, const void *tenant, size_t tenant_count, const void *id, size_t id_count) {
    uint8_t text[1 + 255 + 255];
    if (tenant_count > 255) tenant_count = 255;
    if (id_count > 255) id_count = 255;
    text[0] = (uint8_t)tenant_count;
    if (tenant_count) memcpy(text + 1, tenant, tenant_count);
    if (id_count) memcpy(text + 1 + tenant_count, id, id_count);
    return hookline_siphash13(key0, key1, text, 1 + tenant_count + id_count);
}
