
/*
 * Fingerprints of data by a secret key: NH, then SipHash.
 */

#include <stdlib.h>
#include <string.h>

#include "social_crypto.h"
#include "social_fingerprint.h"


#define SOCIAL_FINGERPRINT_WORDS                                              \
    ((SOCIAL_FINGERPRINT_PREFIX + SOCIAL_FINGERPRINT_MAX_DATA) / 8)


__extension__ typedef unsigned __int128  social_uint128_t;


/* the second pass of NH uses the first one's key from its third word on */

struct social_fingerprint_s {
    uint64_t          siphash[2];
    uint64_t          nh[SOCIAL_FINGERPRINT_WORDS + 2];
};


typedef struct {
    social_uint128_t  first;
    social_uint128_t  second;
    const uint64_t   *key;
} social_fingerprint_nh_t;


static void social_fingerprint_nh(social_fingerprint_nh_t *nh,
    const unsigned char *p, size_t pairs);


social_fingerprint_t *
social_fingerprint_create(
    const unsigned char key[SOCIAL_FINGERPRINT_KEY_SIZE])
{
    social_fingerprint_t  *f;

    f = calloc(1, sizeof(social_fingerprint_t));
    if (f == NULL) {
        return NULL;
    }

    if (social_expand(key, (unsigned char *) f, sizeof(social_fingerprint_t))
        != SOCIAL_OK)
    {
        social_fingerprint_destroy(f);
        return NULL;
    }

    return f;
}


void
social_fingerprint_destroy(social_fingerprint_t *f)
{
    if (f == NULL) {
        return;
    }

    social_cleanse(f, sizeof(social_fingerprint_t));
    free(f);
}


social_rc_e
social_fingerprint(const social_fingerprint_t *f,
    const unsigned char prefix[SOCIAL_FINGERPRINT_PREFIX], social_str_t data,
    unsigned char fingerprint[SOCIAL_FINGERPRINT_SIZE])
{
    size_t                   rest;
    uint64_t                 words[5], hash[2];
    unsigned char            last[16];
    social_fingerprint_nh_t  nh;

    if (data.len > SOCIAL_FINGERPRINT_MAX_DATA) {
        return SOCIAL_MALFORMED;
    }

    nh.first = 0;
    nh.second = 0;
    nh.key = f->nh;

    social_fingerprint_nh(&nh, prefix, SOCIAL_FINGERPRINT_PREFIX / 16);

    rest = data.len % 16;

    if (data.len != rest) {
        social_fingerprint_nh(&nh, data.data, data.len / 16);
    }

    if (rest) {
        memset(last, 0, sizeof(last));
        memcpy(last, data.data + data.len - rest, rest);

        social_fingerprint_nh(&nh, last, 1);
    }

    words[0] = (uint64_t) nh.first;
    words[1] = (uint64_t) (nh.first >> 64);
    words[2] = (uint64_t) nh.second;
    words[3] = (uint64_t) (nh.second >> 64);
    words[4] = data.len;

    social_siphash(f->siphash, words, 5, hash);

    memcpy(fingerprint, hash, sizeof(hash));

    return SOCIAL_OK;
}


/*
 * For each pair of words the product of their sums with the key's, added up
 * modulo 2^128.
 */

static void
social_fingerprint_nh(social_fingerprint_nh_t *nh, const unsigned char *p,
    size_t pairs)
{
    size_t             i;
    uint64_t           m[2];
    const uint64_t    *k;
    social_uint128_t   first, second;

    k = nh->key;
    first = nh->first;
    second = nh->second;

    for (i = 0; i < pairs; i++) {

        memcpy(m, p + 16 * i, 16);

        first += (social_uint128_t) (m[0] + k[0]) * (m[1] + k[1]);
        second += (social_uint128_t) (m[0] + k[2]) * (m[1] + k[3]);

        k += 2;
    }

    nh->key = k;
    nh->first = first;
    nh->second = second;
}


static inline uint64_t
social_siphash_rotate(uint64_t x, unsigned int n)
{
    return x << n | x >> (64 - n);
}


static inline void
social_siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = social_siphash_rotate(v[1], 13);
    v[1] ^= v[0];
    v[0] = social_siphash_rotate(v[0], 32);

    v[2] += v[3];
    v[3] = social_siphash_rotate(v[3], 16);
    v[3] ^= v[2];

    v[0] += v[3];
    v[3] = social_siphash_rotate(v[3], 21);
    v[3] ^= v[0];

    v[2] += v[1];
    v[1] = social_siphash_rotate(v[1], 17);
    v[1] ^= v[2];
    v[2] = social_siphash_rotate(v[2], 32);
}


static inline void
social_siphash_rounds(uint64_t v[4], unsigned int n)
{
    while (n--) {
        social_siphash_round(v);
    }
}


void
social_siphash(const uint64_t key[2], const uint64_t *words, size_t n,
    uint64_t hash[2])
{
    size_t    i;
    uint64_t  v[4], last;

    v[0] = UINT64_C(0x736f6d6570736575) ^ key[0];
    v[1] = UINT64_C(0x646f72616e646f6d) ^ key[1] ^ 0xee;
    v[2] = UINT64_C(0x6c7967656e657261) ^ key[0];
    v[3] = UINT64_C(0x7465646279746573) ^ key[1];

    for (i = 0; i < n; i++) {
        v[3] ^= words[i];
        social_siphash_rounds(v, 2);
        v[0] ^= words[i];
    }

    /* the length in bytes, of which one byte counts, ends the input */

    last = (uint64_t) (8 * n) << 56;

    v[3] ^= last;
    social_siphash_rounds(v, 2);
    v[0] ^= last;

    v[2] ^= 0xee;
    social_siphash_rounds(v, 4);
    hash[0] = v[0] ^ v[1] ^ v[2] ^ v[3];

    v[1] ^= 0xdd;
    social_siphash_rounds(v, 4);
    hash[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}
