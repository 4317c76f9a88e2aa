
/*
 * Fingerprints: SipHash as OpenSSL makes it, NH as written down, and no two
 * alike.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "social_unit.h"
#include "social_crypto.h"
#include "social_fingerprint.h"


static void
test_siphash(void **state)
{
    size_t          i, n, len, size;
    uint64_t        words[9], hash[2];
    EVP_MAC        *mac;
    OSSL_PARAM      params[2];
    EVP_MAC_CTX    *ctx;
    unsigned char   key[16], out[16];

    (void) state;

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);

    size = sizeof(out);
    params[0] = OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size);
    params[1] = OSSL_PARAM_construct_end();

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) i;
    }

    for (i = 0; i < 9; i++) {
        words[i] = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
    }

    for (n = 0; n <= 9; n++) {
        ctx = EVP_MAC_CTX_new(mac);
        assert_int_equal(EVP_MAC_init(ctx, key, sizeof(key), params), 1);
        assert_int_equal(EVP_MAC_update(ctx, (unsigned char *) words, 8 * n),
                         1);
        assert_int_equal(EVP_MAC_final(ctx, out, &len, sizeof(out)), 1);
        assert_int_equal(len, 16);
        EVP_MAC_CTX_free(ctx);

        uint64_t  k[2];

        memcpy(k, key, sizeof(k));
        social_siphash(k, words, n, hash);
        assert_memory_equal(hash, out, 16);
    }

    EVP_MAC_free(mac);
}


/* the same once more, by the definition and bit by bit */

static void
multiply(uint64_t a, uint64_t b, uint64_t sum[2])
{
    size_t    i;
    uint64_t  low, high;

    for (i = 0; i < 64; i++) {
        if (b >> i & 1) {
            low = a << i;
            high = i ? a >> (64 - i) : 0;

            sum[0] += low;
            sum[1] += high + (sum[0] < low);
        }
    }
}


static void
test_definition(void **state)
{
    size_t                  i, len, words;
    uint64_t                m[1100], k[1200], nh[5], hash[2];
    unsigned char           key[32], prefix[32], out[16], *data;
    social_str_t            s;
    social_fingerprint_t   *f;

    (void) state;

    memset(key, 7, sizeof(key));
    memset(prefix, 3, sizeof(prefix));

    f = social_fingerprint_create(key);
    assert_non_null(f);

    assert_int_equal(social_expand(key, (unsigned char *) k, sizeof(k)),
                     SOCIAL_OK);

    data = malloc(SOCIAL_FINGERPRINT_MAX_DATA);

    for (i = 0; i < SOCIAL_FINGERPRINT_MAX_DATA; i++) {
        data[i] = (unsigned char) (i * i + (i >> 3));
    }

    for (len = 0; len <= SOCIAL_FINGERPRINT_MAX_DATA; len += 1 + len / 7) {

        memset(m, 0, sizeof(m));
        memcpy(m, prefix, 32);
        memcpy(m + 4, data, len);
        words = 4 + (len + 15) / 16 * 2;

        memset(nh, 0, sizeof(nh));

        for (i = 0; i < words; i += 2) {
            multiply(m[i] + k[2 + i], m[i + 1] + k[3 + i], nh);
            multiply(m[i] + k[4 + i], m[i + 1] + k[5 + i], nh + 2);
        }

        nh[4] = len;
        social_siphash(k, nh, 5, hash);

        s.data = data;
        s.len = len;
        assert_int_equal(social_fingerprint(f, prefix, s, out), SOCIAL_OK);
        assert_memory_equal(out, hash, sizeof(hash));
    }

    s.data = data;
    s.len = SOCIAL_FINGERPRINT_MAX_DATA;
    assert_int_equal(social_fingerprint(f, prefix, s, out), SOCIAL_OK);

    s.len++;
    assert_int_equal(social_fingerprint(f, prefix, s, out), SOCIAL_MALFORMED);

    free(data);
    social_fingerprint_destroy(f);
    social_fingerprint_destroy(NULL);
}


/* every bit of everything counts */

static void
test_differs(void **state)
{
    size_t                  i;
    unsigned char           key[32], prefix[32], data[200], a[16], b[16];
    social_str_t            s;
    social_fingerprint_t   *f, *other;

    (void) state;

    assert_int_equal(social_random(key, sizeof(key)), SOCIAL_OK);
    memset(prefix, 0, sizeof(prefix));
    memset(data, 0, sizeof(data));

    f = social_fingerprint_create(key);
    assert_non_null(f);

    s.data = data;
    s.len = sizeof(data);
    assert_int_equal(social_fingerprint(f, prefix, s, a), SOCIAL_OK);

    for (i = 0; i < 8 * sizeof(data); i++) {
        data[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(social_fingerprint(f, prefix, s, b), SOCIAL_OK);
        assert_memory_not_equal(a, b, 16);
        data[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    for (i = 0; i < 8 * sizeof(prefix); i++) {
        prefix[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(social_fingerprint(f, prefix, s, b), SOCIAL_OK);
        assert_memory_not_equal(a, b, 16);
        prefix[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    /* zeros that are cut off, which NH alone would not see */

    for (s.len = 0; s.len < sizeof(data); s.len++) {
        assert_int_equal(social_fingerprint(f, prefix, s, b), SOCIAL_OK);
        assert_memory_not_equal(a, b, 16);
    }

    for (i = 0; i < 8 * sizeof(key); i += 5) {
        key[i / 8] ^= (unsigned char) (1 << i % 8);
        other = social_fingerprint_create(key);
        assert_non_null(other);
        key[i / 8] ^= (unsigned char) (1 << i % 8);

        assert_int_equal(social_fingerprint(other, prefix, s, b), SOCIAL_OK);
        assert_memory_not_equal(a, b, 16);

        social_fingerprint_destroy(other);
    }

    social_fingerprint_destroy(f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_differs)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
