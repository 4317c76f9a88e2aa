
/*
 * What happens when memory runs out: every allocation of core and of OpenSSL
 * is made to fail in turn, and each time the outcome must be "ours is the
 * fault", not "theirs", with nothing lost.
 */

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_claims.h"
#include "social_jwks.h"
#include "social_jwt.h"


void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);


static long        until;       /* the allocation that fails, 0 for none */
static long        lasting;     /* and all that follow it */
static EVP_PKEY   *key;


static bool
fails(void)
{
    if (until == 0) {
        return false;
    }

    if (until > 1) {
        until--;
        return false;
    }

    if (!lasting) {
        until = 0;
    }

    lasting = lasting ? lasting + 1 : -1;

    return true;
}


/* scripts/unit has the linker put these in the place of libc's */

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}


void *
__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}


static void *
crypto_malloc(size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return fails() ? NULL : __real_malloc(size);
}


static void *
crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return fails() ? NULL : realloc(p, size);
}


static void
crypto_free(void *p, const char *file, int line)
{
    (void) file;
    (void) line;

    free(p);
}


static void
arm(long n, bool all)
{
    until = n;
    lasting = all ? 1 : 0;
}


/* stops failing, and says whether anything had failed */

static bool
disarm(void)
{
    bool  failed;

    failed = (lasting < 0 || lasting > 1);

    until = 0;
    lasting = 0;

    return failed;
}


static int
set_up(void **state)
{
    (void) state;

    key = social_unit_key(2048);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;

    EVP_PKEY_free(key);

    return 0;
}


static void
test_json(void **state)
{
    int             all, place;
    char            text[2048], *p;
    long            n;
    size_t          i;
    social_rc_e     rc;
    social_json_t  *json;

    (void) state;

    /* members and values enough for all that may be needed */

    p = text + sprintf(text, "{\"long\":[");

    for (i = 0; i < 200; i++) {
        p += sprintf(p, "%zu,", i % 10);
    }

    p += sprintf(p, "1]");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, ",\"%zu\":\"\\u00e9\"", i);
    }

    strcpy(p, "}");

    for (all = 0; all < 2; all++) {
        for (place = 0; place < 2; place++) {
            for (n = 1; /* void */; n++) {

                char  copy[sizeof(text)];

                memcpy(copy, text, sizeof(text));

                arm(n, all);

                rc = place ? social_json_parse_in_place((unsigned char *) copy,
                                                        strlen(copy), &json)
                           : social_json_parse(social_str(copy), &json);

                if (!disarm()) {
                    assert_int_equal(rc, SOCIAL_OK);
                    social_json_free(json);
                    break;
                }

                assert_int_equal(rc, SOCIAL_FAILED);
                assert_null(json);
            }

            /* the values, more of them twice, the names; and the text */

            assert_true(n > (place ? 4 : 5));
        }
    }
}


static void
test_jwks(void **state)
{
    int             all;
    char           *jwk, *text;
    long            n, failed;
    const char     *why;
    social_rc_e     rc;
    social_jwks_t  *jwks;

    (void) state;

    jwk = social_unit_jwk(key, "a", ",\"use\":\"sig\",\"alg\":\"RS256\"");
    assert_true(asprintf(&text, "{\"keys\":[%s]}", jwk) > 0);

    /* what OpenSSL keeps for itself is there before anything fails */

    assert_int_equal(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       &jwks, &why),
                     SOCIAL_OK);
    social_jwks_free(jwks);

    for (all = 0; all < 2; all++) {
        failed = 0;

        for (n = 1; /* void */; n++) {
            arm(n, all);
            rc = social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       &jwks, &why);

            if (!disarm()) {
                assert_int_equal(rc, SOCIAL_OK);
                social_jwks_free(jwks);
                break;
            }

            /* OpenSSL does without some of what it could not have */

            assert_true((rc == SOCIAL_OK) == (jwks != NULL));
            social_jwks_free(jwks);
            failed += (rc == SOCIAL_FAILED);

            assert_int_equal(ERR_peek_error(), 0);
        }

        assert_true(failed > n / 2);
    }

    free(jwk);
    free(text);
}


/*
 * Keys on curves: a point that could not be looked at is not called a wrong
 * one, nor a good signature a bad one (but for EdDSA), nor a bad one a good
 * one.
 */

static void
test_curves(void **state)
{
    int             all, good;
    char           *jwk, *text;
    long            n, failed;
    size_t          i, len;
    EVP_PKEY       *pkey;
    EVP_MD_CTX     *ctx;
    const char     *why;
    social_rc_e     rc;
    social_str_t    input, signature;
    social_jwks_t  *jwks;
    unsigned char   buf[256], raw[132];

    static const struct {
        const char          *type;
        const char          *crv;
        social_algorithm_e   algorithm;
    } cases[] = {
        { "EC", "P-256", SOCIAL_ALGORITHM_ES256 },
        { "EC", "P-521", SOCIAL_ALGORITHM_ES512 },
        { "ED25519", "Ed25519", SOCIAL_ALGORITHM_EDDSA },
        { "ED448", "Ed448", SOCIAL_ALGORITHM_ED448 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pkey = i < 2 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", cases[i].crv)
                     : EVP_PKEY_Q_keygen(NULL, NULL, cases[i].type);
        assert_non_null(pkey);

        jwk = social_unit_curve_jwk(pkey, cases[i].crv, "a", "");
        assert_true(asprintf(&text, "{\"keys\":[%s]}", jwk) > 0);

        ctx = EVP_MD_CTX_new();
        len = sizeof(buf);
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, i == 0 ? "SHA256"
                             : i == 1 ? "SHA512" : NULL, NULL, NULL, pkey,
                             NULL), 1);
        assert_int_equal(EVP_DigestSign(ctx, buf, &len,
                             (const unsigned char *) "input", 5), 1);
        EVP_MD_CTX_free(ctx);

        signature.data = buf;
        signature.len = len;

        if (i < 2) {
            signature.len = social_unit_raw(buf, len, raw, i == 0 ? 32 : 66);
            signature.data = raw;
        }

        /* what OpenSSL keeps for itself is there before anything fails */

        assert_int_equal(social_jwks_parse(social_str(text),
                                           SOCIAL_ALGORITHMS_ALL, &jwks,
                                           &why), SOCIAL_OK);
        social_jwks_free(jwks);

        for (all = 0; all < 2; all++) {
            failed = 0;

            for (n = 1; /* void */; n++) {
                arm(n, all);
                rc = social_jwks_parse(social_str(text),
                                       SOCIAL_ALGORITHMS_ALL, &jwks, &why);

                if (!disarm()) {
                    assert_int_equal(rc, SOCIAL_OK);
                    break;
                }

                assert_true((rc == SOCIAL_OK) == (jwks != NULL));

                /* as above, jansson may lose a string and take no notice */

                assert_true(rc == SOCIAL_OK
                            || strstr(why, "not on its curve") == NULL);

                social_jwks_free(jwks);
                failed += (rc == SOCIAL_FAILED);

                assert_int_equal(ERR_peek_error(), 0);
            }

            assert_true(failed > 0);

            for (good = 0; good < 2; good++) {
                input = good ? S("input") : S("Input");

                for (n = 1; /* void */; n++) {
                    arm(n, all);
                    rc = social_jwks_verify(jwks, &jwks->keys[0],
                                            cases[i].algorithm, input,
                                            signature);

                    if (!disarm()) {
                        assert_int_equal(rc, good ? SOCIAL_OK
                                                  : SOCIAL_DECLINED);
                        break;
                    }

                    /*
                     * where EdDSA has no memory for its hash, OpenSSL says
                     * that the signature is wrong, and nothing else
                     */

                    if (!good) {
                        assert_int_not_equal(rc, SOCIAL_OK);

                    } else if (i < 2) {
                        assert_int_not_equal(rc, SOCIAL_DECLINED);
                    }

                    assert_int_equal(ERR_peek_error(), 0);
                }
            }

            social_jwks_free(jwks);
        }

        EVP_PKEY_free(pkey);
        free(jwk);
        free(text);
    }
}


static void
test_verify(void **state)
{
    int             all, failed;
    char           *jwk, *text;
    long            n;
    size_t          len;
    const char     *why;
    social_rc_e     rc;
    social_str_t    signature;
    social_jwks_t  *jwks;

    (void) state;

    jwk = social_unit_jwk(key, "a", "");
    assert_true(asprintf(&text, "{\"keys\":[%s]}", jwk) > 0);
    assert_int_equal(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       &jwks, &why),
                     SOCIAL_OK);

    signature.data = social_unit_sign(key, "input", &len);
    signature.len = len;

    for (all = 0; all < 2; all++) {
        failed = 0;

        for (n = 1; /* void */; n++) {
            arm(n, all);
            rc = social_jwks_verify(jwks, &jwks->keys[0],
                                    SOCIAL_ALGORITHM_RS256, S("input"),
                                    signature);

            if (!disarm()) {
                assert_int_equal(rc, SOCIAL_OK);
                break;
            }

            /* a good signature is never called bad */

            assert_int_not_equal(rc, SOCIAL_DECLINED);
            assert_int_equal(ERR_peek_error(), 0);
            failed += (rc == SOCIAL_FAILED);

            /* and the set is as good as before */

            assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0],
                                                SOCIAL_ALGORITHM_RS256,
                                                S("input"), signature),
                             SOCIAL_OK);
        }

        assert_true(failed > 0);
    }

    /* a bad one is never called good */

    for (all = 0; all < 2; all++) {
        for (n = 1; /* void */; n++) {
            arm(n, all);
            rc = social_jwks_verify(jwks, &jwks->keys[0],
                                    SOCIAL_ALGORITHM_RS256, S("Input"),
                                    signature);

            if (!disarm()) {
                assert_int_equal(rc, SOCIAL_DECLINED);
                break;
            }

            assert_int_not_equal(rc, SOCIAL_OK);
            assert_int_equal(ERR_peek_error(), 0);
        }
    }

    social_jwks_free(jwks);
    free((void *) signature.data);
    free(jwk);
    free(text);
}


static void
test_jwt(void **state)
{
    int                     all;
    char                   *token;
    long                    n, failed;
    social_jwt_t            jwt;
    unsigned char           buf[SOCIAL_TOKEN_MAX_SIZE];
    social_token_status_e   status;

    (void) state;

    token = social_unit_token(NULL, "{\"alg\":\"RS256\",\"kid\":\"a\"}",
                              "{\"iss\":\"https://example.com\"}");

    for (all = 0; all < 2; all++) {
        failed = 0;

        for (n = 1; /* void */; n++) {
            arm(n, all);
            status = social_jwt_parse(social_str(token), buf, &jwt);

            if (!disarm()) {
                assert_int_equal(status, SOCIAL_TOKEN_OK);
                social_jwt_free(&jwt);
                break;
            }

            assert_true((status == SOCIAL_TOKEN_OK) == (jwt.header != NULL));
            assert_true((status == SOCIAL_TOKEN_OK) == (jwt.payload != NULL));
            social_jwt_free(&jwt);
            failed += (status == SOCIAL_TOKEN_FAILED);
        }

        assert_true(failed > n / 2);
    }

    free(token);
}


static void
test_write(void **state)
{
    int             all;
    long            n;
    size_t          len;
    unsigned char   buf[64];
    social_json_t  *json;

    (void) state;

    assert_int_equal(social_json_parse(S("{\"a\":[1,{\"b\":2}]}"), &json),
                     SOCIAL_OK);

    for (all = 0; all < 2; all++) {
        for (n = 1; /* void */; n++) {
            arm(n, all);
            len = social_json_write(json, buf, sizeof(buf));

            if (!disarm()) {
                assert_int_equal(len, 17);
                break;
            }

            assert_int_equal(len, 0);
        }
    }

    social_json_free(json);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_jwks),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_jwt),
        cmocka_unit_test(test_write),
    };

    /* before either library has allocated anything */

    if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
                                  crypto_free))
    {
        return 1;
    }

    return cmocka_run_group_tests_name("memory", tests, set_up, tear_down);
}
