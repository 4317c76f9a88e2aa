
/*
 * Which checks of signatures are for a thread, and those there.
 */

#include <pthread.h>
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_jwk_check.h"


#define INPUT    "header.payload"
#define THREADS  4


typedef struct {
    const char          *name;
    const char          *type;       /* of OpenSSL; NULL: RSA */
    const char          *crv;
    unsigned             size;       /* bits of RSA, or bytes of r and s */
    const char          *hash;
    social_algorithm_e   algorithm;
    bool                 slow;
    EVP_PKEY            *pkey;
} kind_t;


static kind_t  kinds[] = {
    { "r2", NULL, NULL, 2048, "SHA256", SOCIAL_ALGORITHM_RS256, false, NULL },
    { "r3", NULL, NULL, 3072, "SHA512", SOCIAL_ALGORITHM_RS512, false, NULL },
    { "r31", NULL, NULL, 3080, "SHA256", SOCIAL_ALGORITHM_RS256, true, NULL },
    { "r4", NULL, NULL, 4096, "SHA384", SOCIAL_ALGORITHM_RS384, true, NULL },
    { "p2", "EC", "P-256", 32, "SHA256", SOCIAL_ALGORITHM_ES256, false, NULL },
    { "p3", "EC", "P-384", 48, "SHA384", SOCIAL_ALGORITHM_ES384, true, NULL },
    { "p5", "EC", "P-521", 66, "SHA512", SOCIAL_ALGORITHM_ES512, true, NULL },
    { "e2", "ED25519", "Ed25519", 32, NULL, SOCIAL_ALGORITHM_EDDSA, false,
      NULL },
    { "e4", "ED448", "Ed448", 57, NULL, SOCIAL_ALGORITHM_EDDSA, true, NULL }
};

#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))


static int
set_up(void **state)
{
    size_t   i;
    kind_t  *k;

    (void) state;

    for (i = 0; i < KINDS; i++) {
        k = &kinds[i];

        k->pkey = k->type == NULL ? social_unit_key(k->size)
                  : k->hash ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", k->crv)
                  : EVP_PKEY_Q_keygen(NULL, NULL, k->type);
        assert_non_null(k->pkey);
    }

    return 0;
}


static int
tear_down(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < KINDS; i++) {
        EVP_PKEY_free(kinds[i].pkey);
    }

    return 0;
}


static social_jwks_t *
parse(void)
{
    char           *set, *jwk, *more;
    size_t          i;
    kind_t         *k;
    const char     *why;
    social_jwks_t  *jwks;

    set = strdup("");

    for (i = 0; i < KINDS; i++) {
        k = &kinds[i];

        jwk = k->type == NULL ? social_unit_jwk(k->pkey, k->name, "")
                              : social_unit_curve_jwk(k->pkey, k->crv,
                                                      k->name, "");
        assert_true(asprintf(&more, "%s%s%s", set, i ? "," : "", jwk) > 0);
        free(jwk);
        free(set);
        set = more;
    }

    assert_true(asprintf(&more, "{\"keys\":[%s]}", set) > 0);
    assert_int_equal(social_jwks_parse(social_str(more), SOCIAL_ALGORITHMS_ALL,
                                       SOCIAL_JWKS_MAX_KEYS, &jwks, &why),
                     SOCIAL_OK);
    assert_int_equal(jwks->count, KINDS);
    free(set);
    free(more);

    return jwks;
}


static social_str_t
sign(const kind_t *k)
{
    size_t          len;
    EVP_MD_CTX     *ctx;
    social_str_t    signature;
    unsigned char   der[1024], *raw;

    ctx = EVP_MD_CTX_new();
    raw = malloc(sizeof(der));
    assert_non_null(ctx);
    assert_non_null(raw);

    len = sizeof(der);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, k->hash, NULL, NULL,
                                           k->pkey, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len,
                                    (const unsigned char *) INPUT,
                                    strlen(INPUT)), 1);
    EVP_MD_CTX_free(ctx);

    if (k->type && k->hash) {
        len = social_unit_raw(der, len, raw, (int) k->size);

    } else {
        memcpy(raw, der, len);
    }

    signature.data = raw;
    signature.len = len;

    return signature;
}


static const social_jwk_t *
find(const social_jwks_t *jwks, const kind_t *k)
{
    const social_jwk_t  *jwk;

    jwk = social_jwks_find(jwks, social_str(k->name), k->algorithm);
    assert_non_null(jwk);

    return jwk;
}


static social_rc_e
check(const social_jwks_t *jwks, const kind_t *k, social_str_t input,
    social_str_t signature)
{
    social_rc_e          rc;
    social_jwk_check_t  *made;

    made = social_jwk_check_create(find(jwks, k), k->algorithm, input,
                                   signature);
    assert_non_null(made);

    rc = social_jwk_check_run(made);
    social_jwk_check_free(made);

    assert_int_equal(ERR_peek_error(), 0);

    return rc;
}


static void
test_slow(void **state)
{
    size_t          i;
    social_jwks_t  *jwks;

    (void) state;

    jwks = parse();

    for (i = 0; i < KINDS; i++) {
        assert_int_equal(social_jwk_is_slow(find(jwks, &kinds[i]),
                                            kinds[i].algorithm),
                         kinds[i].slow);
    }

    assert_true(social_jwk_is_slow(find(jwks, &kinds[8]),
                                   SOCIAL_ALGORITHM_ED448));
    assert_false(social_jwk_is_slow(find(jwks, &kinds[7]),
                                    SOCIAL_ALGORITHM_ED25519));
    assert_true(social_jwk_is_slow(find(jwks, &kinds[3]),
                                   SOCIAL_ALGORITHM_PS256));

    social_jwks_free(jwks);
}


static void
test_check(void **state)
{
    size_t          i, j;
    social_str_t    signature, cut, other;
    social_jwks_t  *jwks;

    (void) state;

    jwks = parse();

    for (i = 0; i < KINDS; i++) {
        signature = sign(&kinds[i]);

        for (j = 0; j < 2; j++) {
            assert_int_equal(check(jwks, &kinds[i], S(INPUT), signature),
                             SOCIAL_OK);
        }

        assert_int_equal(check(jwks, &kinds[i], S("header.payloae"),
                               signature), SOCIAL_DECLINED);
        assert_int_equal(check(jwks, &kinds[i], S(""), signature),
                         SOCIAL_DECLINED);

        cut = signature;
        cut.len--;
        assert_int_equal(check(jwks, &kinds[i], S(INPUT), cut),
                         SOCIAL_DECLINED);

        other = signature;
        ((unsigned char *) other.data)[3] ^= 1;
        assert_int_equal(check(jwks, &kinds[i], S(INPUT), other),
                         SOCIAL_DECLINED);

        free((void *) signature.data);
    }

    social_jwks_free(jwks);
}


/* a key verifies by nothing that it is not for */

static void
test_other_algorithm(void **state)
{
    social_str_t    signature;
    social_jwks_t  *jwks;

    (void) state;

    jwks = parse();
    signature = sign(&kinds[5]);

    assert_null(social_jwk_check_create(find(jwks, &kinds[5]),
                                        SOCIAL_ALGORITHM_ES256, S(INPUT),
                                        signature));
    assert_null(social_jwk_check_create(find(jwks, &kinds[5]),
                                        SOCIAL_ALGORITHM_RS256, S(INPUT),
                                        signature));
    assert_null(social_jwk_check_create(find(jwks, &kinds[7]),
                                        SOCIAL_ALGORITHM_ED448, S(INPUT),
                                        signature));

    social_jwk_check_free(NULL);
    free((void *) signature.data);
    social_jwks_free(jwks);
}


static void *
run(void *data)
{
    return social_jwk_check_run(data) == SOCIAL_OK && ERR_peek_error() == 0
           ? data : NULL;
}


/* in threads, while the set is used, and after it was freed */

static void
test_threads(void **state)
{
    void                *result;
    size_t               i, j;
    pthread_t            threads[THREADS];
    social_str_t         signature;
    social_jwks_t       *jwks;
    const social_jwk_t  *jwk;
    social_jwk_check_t  *checks[KINDS][THREADS];

    (void) state;

    jwks = parse();

    for (i = 0; i < KINDS; i++) {
        signature = sign(&kinds[i]);
        jwk = find(jwks, &kinds[i]);

        for (j = 0; j < THREADS; j++) {
            checks[i][j] = social_jwk_check_create(jwk, kinds[i].algorithm,
                                                   S(INPUT), signature);
            assert_non_null(checks[i][j]);
        }

        if (i < KINDS / 2) {
            for (j = 0; j < THREADS; j++) {
                assert_int_equal(pthread_create(&threads[j], NULL, run,
                                                checks[i][j]), 0);
            }

            for (j = 0; j < 20; j++) {
                assert_int_equal(social_jwks_verify(jwks, jwk,
                                                    kinds[i].algorithm,
                                                    S(INPUT), signature),
                                 SOCIAL_OK);
            }

            for (j = 0; j < THREADS; j++) {
                assert_int_equal(pthread_join(threads[j], &result), 0);
                assert_ptr_equal(result, checks[i][j]);
                social_jwk_check_free(checks[i][j]);
            }
        }

        memset((void *) signature.data, 0, signature.len);
        free((void *) signature.data);
    }

    social_jwks_free(jwks);

    for (i = KINDS / 2; i < KINDS; i++) {
        for (j = 0; j < THREADS; j++) {
            assert_int_equal(pthread_create(&threads[j], NULL, run,
                                            checks[i][j]), 0);
        }

        for (j = 0; j < THREADS; j++) {
            assert_int_equal(pthread_join(threads[j], &result), 0);
            assert_ptr_equal(result, checks[i][j]);
            social_jwk_check_free(checks[i][j]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_other_algorithm),
        cmocka_unit_test(test_threads)
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
