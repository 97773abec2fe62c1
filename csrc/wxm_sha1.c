/*
** SHA-1 (FIPS 180-4; sections below are its). The whole message is there at once, so
** there is no state to carry between calls: full blocks are taken where they lie, and
** only the last one or two, with the padding, are put together aside.
*/
#include "wxm_sha1.h"

#include <stdint.h>
#include <string.h>

/* ROTL, section 3.2; 0 < n < 32, because a shift by 32 is undefined in C. */
static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/*
** Takes one block of the message into the hash value 'h' (section 6.1.2): the schedule
** w of 80 words, then as many rounds over the five working variables.
*/
static void add_block(uint32_t h[5], const unsigned char block[64])
{
    /* Section 4.2.1: one for each 20 rounds. */
    static const uint32_t constant[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC,
                                         0xCA62C1D6};
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    unsigned t;

    for (t = 0; t < 16; t++) {
        /* Big-endian words, put together bytewise: any alignment and byte order. */
        const unsigned char *p = block + (size_t)t * 4;
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (t = 16; t < 80; t++) {
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    }
    for (t = 0; t < 80; t++) {
        /* Section 4.1.1: Ch, Parity, Maj, Parity. */
        uint32_t f = t < 20   ? (b & c) | (~b & d)
                     : t < 40 ? b ^ c ^ d
                     : t < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        uint32_t next = rotate(a, 5) + f + e + w[t] + constant[t / 20];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/*
** Padding, section 5.1.1: a one bit, zeros, and the length in bits as a 64-bit
** big-endian number at the end of a block. Nine bytes at least, so 56 and more left
** over of the message need a second block:
**
**     message's rest | 80 | 00 ... 00 | length: 8 bytes      64 or 128 bytes
*/
void wxm_sha1_hex(char to[40], const void *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    /* The initial hash value, section 5.3.1. */
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    const unsigned char *p = bytes;
    unsigned char tail[128] = {0};
    size_t rest = n % 64, tail_len = rest < 56 ? 64 : 128, i;
    uint64_t bits = (uint64_t)n * 8;

    for (i = 0; i + 64 <= n; i += 64) {
        add_block(h, p + i);
    }
    if (rest > 0) { /* 'bytes' may be NULL where n is 0 */
        memcpy(tail, p + i, rest);
    }
    tail[rest] = 0x80;
    for (i = 0; i < 8; i++) {
        tail[tail_len - 1 - i] = (unsigned char)(bits >> (8 * i));
    }
    for (i = 0; i < tail_len; i += 64) {
        add_block(h, tail + i);
    }
    for (i = 0; i < 40; i++) { /* eight digits a word, the highest four bits first */
        to[i] = hex[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    }
}
