
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_jwks.h"


static EVP_PKEY  *key, *other;


static int
set_up(void **state)
{
    (void) state;

    key = social_unit_key(2048);
    other = social_unit_key(2048);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;

    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return 0;
}


#define MAX  64


static const social_jwk_t *
find(const social_jwks_t *jwks, const char *kid)
{
    return social_jwks_find(jwks, social_str(kid), SOCIAL_ALGORITHM_RS256);
}


static social_rc_e
parse(const char *keys, social_jwks_t **jwks, const char **why)
{
    char         *text;
    social_rc_e   rc;

    assert_true(asprintf(&text, "{\"keys\":[%s]}", keys) > 0);
    rc = social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL, MAX, jwks,
                           why);
    free(text);

    if (rc != SOCIAL_OK) {
        assert_null(*jwks);
        assert_non_null(*why);
    }

    return rc;
}


static social_rc_e
verify(social_jwks_t *jwks, const char *kid, const char *input,
    const unsigned char *signature, size_t len)
{
    social_rc_e          rc;
    const social_jwk_t  *jwk;

    jwk = find(jwks, kid);
    assert_non_null(jwk);

    rc = social_jwks_verify(jwks, jwk, SOCIAL_ALGORITHM_RS256,
                            social_str(input),
                            (social_str_t) { len, signature });

    /* nothing is left for the next TLS connection to find */

    assert_int_equal(ERR_peek_error(), 0);

    return rc;
}


static void
test_ok(void **state)
{
    char           *a, *b, *keys;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    a = social_unit_jwk(key, "a", "");
    b = social_unit_jwk(other, "b", "");
    assert_true(asprintf(&keys, "%s,%s", a, b) > 0);

    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->count, 2);
    assert_int_equal(jwks->skipped, 0);
    assert_null(jwks->why);

    assert_ptr_equal(find(jwks, "a"), &jwks->keys[0]);
    assert_ptr_equal(find(jwks, "b"), &jwks->keys[1]);
    assert_null(find(jwks, "A"));
    assert_null(social_jwks_find(jwks, S("a\0"), SOCIAL_ALGORITHM_RS256));
    assert_null(find(jwks, "ab"));

    assert_int_equal(EVP_PKEY_eq(jwks->keys[0].pkey, key), 1);
    assert_int_equal(EVP_PKEY_eq(jwks->keys[1].pkey, other), 1);

    social_jwks_free(jwks);
    social_jwks_free(NULL);

    free(a);
    free(b);
    free(keys);
}


static void
test_skipped(void **state)
{
    char           *a, *dup, *keys;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    a = social_unit_jwk(key, "a", "");
    dup = social_unit_jwk(other, "a", "");

    /* of two with one kid the first wins */

    assert_true(asprintf(&keys, "{\"kty\":\"oct\",\"kid\":\"a\"},%s,1,%s,"
                         "{\"kty\":\"RSA\",\"kid\":\"b\"}", a, dup) > 0);

    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->count, 1);
    assert_int_equal(jwks->skipped, 4);
    assert_string_equal(jwks->why, "a key's \"kty\" is not RSA, EC or OKP");
    assert_int_equal(EVP_PKEY_eq(jwks->keys[0].pkey, key), 1);
    assert_int_equal(ERR_peek_error(), 0);

    social_jwks_free(jwks);
    free(keys);

    assert_true(asprintf(&keys, "%s,%s", dup, a) > 0);

    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->count, 1);
    assert_int_equal(jwks->skipped, 1);
    assert_string_equal(jwks->why,
                        "two keys have one \"kid\", the first is used");
    assert_int_equal(EVP_PKEY_eq(jwks->keys[0].pkey, other), 1);

    social_jwks_free(jwks);
    free(keys);
    free(a);
    free(dup);
}


/*
 * Keycloak has one key under one kid for several "alg".
 */

static void
test_kid_and_alg(void **state)
{
    char           *a, *b, *c, *d, *keys;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    a = social_unit_jwk(key, "a", ",\"alg\":\"RS512\"");
    b = social_unit_jwk(other, "a", ",\"alg\":\"RS256\"");
    c = social_unit_jwk(key, "b", ",\"alg\":\"RS256\"");
    d = social_unit_jwk(key, "a", "");

    assert_true(asprintf(&keys, "%s,%s,%s,%s", a, b, c, d) > 0);
    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->count, 4);
    assert_int_equal(jwks->skipped, 0);

    assert_ptr_equal(social_jwks_find(jwks, S("a"), SOCIAL_ALGORITHM_RS512),
                     &jwks->keys[0]);
    assert_ptr_equal(find(jwks, "a"), &jwks->keys[1]);
    assert_ptr_equal(find(jwks, "b"), &jwks->keys[2]);

    /* the last one is for what is left */

    assert_ptr_equal(social_jwks_find(jwks, S("a"), SOCIAL_ALGORITHM_PS256),
                     &jwks->keys[3]);
    assert_int_equal(jwks->keys[3].algorithms
                     & (social_algorithm_bit(SOCIAL_ALGORITHM_RS256)
                        | social_algorithm_bit(SOCIAL_ALGORITHM_RS512)), 0);

    /* one of that kid, which is for other algorithms */

    assert_non_null(social_jwks_find(jwks, S("b"), SOCIAL_ALGORITHM_RS512));
    assert_int_equal(social_jwks_find(jwks, S("b"),
                                      SOCIAL_ALGORITHM_RS512)->algorithms,
                     social_algorithm_bit(SOCIAL_ALGORITHM_RS256));

    social_jwks_free(jwks);
    free(keys);
    free(a);
    free(b);
    free(c);
    free(d);
}


static void
test_without_kid(void **state)
{
    char           *a, *b, *none, *keys;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    none = social_unit_jwk(key, NULL, "");
    a = social_unit_jwk(other, "a", "");
    b = social_unit_jwk(other, "b", ",\"alg\":\"RS512\"");

    assert_int_equal(parse(none, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->keys[0].kid.len, 0);
    assert_ptr_equal(find(jwks, ""), &jwks->keys[0]);

    /* its name is another one, or it has none */

    assert_null(find(jwks, "a"));
    social_jwks_free(jwks);

    assert_int_equal(parse(a, &jwks, &why), SOCIAL_OK);
    assert_ptr_equal(find(jwks, ""), &jwks->keys[0]);
    social_jwks_free(jwks);

    /* there is one for RS256 only */

    assert_true(asprintf(&keys, "%s,%s", b, none) > 0);
    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_ptr_equal(find(jwks, ""), &jwks->keys[1]);
    assert_null(social_jwks_find(jwks, S(""), SOCIAL_ALGORITHM_RS512));
    assert_null(social_jwks_find(jwks, S(""), SOCIAL_ALGORITHM_ES256));
    social_jwks_free(jwks);
    free(keys);

    /* two without a kid are two keys */

    assert_true(asprintf(&keys, "%s,%s", none, none) > 0);
    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
    assert_int_equal(jwks->count, 2);
    assert_null(find(jwks, ""));
    social_jwks_free(jwks);
    free(keys);

    free(none);
    free(a);
    free(b);
}


static void
test_refused(void **state)
{
    size_t          i;
    const char     *why;
    social_jwks_t  *jwks;

    static const struct {
        social_str_t   text;
        social_rc_e    rc;
        const char    *why;
    } cases[] = {
        { social_string(""), SOCIAL_MALFORMED, "it is not a JSON object" },
        { { 0, NULL }, SOCIAL_MALFORMED, "it is not a JSON object" },
        { social_string("<html>"), SOCIAL_MALFORMED,
          "it is not a JSON object" },
        { social_string("[]"), SOCIAL_MALFORMED, "it is not a JSON object" },
        { social_string("{}"), SOCIAL_MALFORMED,
          "it has no array \"keys\"" },
        { social_string("{\"keys\":{}}"), SOCIAL_MALFORMED,
          "it has no array \"keys\"" },
        { social_string("{\"keys\":null}"), SOCIAL_MALFORMED,
          "it has no array \"keys\"" },
        { social_string("{\"Keys\":[]}"), SOCIAL_MALFORMED,
          "it has no array \"keys\"" },
        { social_string("{\"keys\":[],\"keys\":[]}"), SOCIAL_MALFORMED,
          "it is not a JSON object" },
        { social_string("{\"keys\":[]}"), SOCIAL_DECLINED,
          "its array \"keys\" is empty" },
        { social_string("{\"keys\":[{\"kty\":\"oct\"},{}]}"),
          SOCIAL_DECLINED, "a key's \"kty\" is not RSA, EC or OKP" },
        { social_string("{\"keys\":[null]}"), SOCIAL_DECLINED,
          "a key is not an object" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        jwks = (social_jwks_t *) &i;
        assert_int_equal(social_jwks_parse(cases[i].text,
                                           SOCIAL_ALGORITHMS_ALL, MAX, &jwks,
                                           &why),
                         cases[i].rc);
        assert_null(jwks);
        assert_string_equal(why, cases[i].why);
    }
}


static void
test_limit(void **state)
{
    char           *keys, *jwk, kid[16];
    size_t          i, n;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    for (n = MAX; n <= MAX + 1; n++) {
        keys = calloc(1, n * 1024);
        assert_non_null(keys);

        for (i = 0; i < n; i++) {
            snprintf(kid, sizeof(kid), "k%u", (unsigned) i);
            jwk = social_unit_jwk(key, kid, "");
            strcat(strcat(keys, i ? "," : ""), jwk);
            free(jwk);
        }

        if (n <= MAX) {
            assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);
            assert_int_equal(jwks->count, n);
            assert_non_null(find(jwks, "k63"));
            social_jwks_free(jwks);

        } else {
            assert_int_equal(parse(keys, &jwks, &why), SOCIAL_MALFORMED);
            assert_string_equal(why, "it has more usable keys than "
                                     "\"jwks_max_keys\" allows");
        }

        free(keys);
    }
}


static void
test_verify(void **state)
{
    char           *a, *b, *keys;
    size_t          i, n, len;
    const char     *why;
    social_jwks_t  *jwks;
    unsigned char  *signature, saved, *longer, none[1];

    (void) state;

    a = social_unit_jwk(key, "a", "");
    b = social_unit_jwk(other, "b", "");
    assert_true(asprintf(&keys, "%s,%s", a, b) > 0);
    assert_int_equal(parse(keys, &jwks, &why), SOCIAL_OK);

    signature = social_unit_sign(key, "input", &len);

    /* a set is reused, after a good signature as after a bad one */

    for (i = 0; i < 3; i++) {
        assert_int_equal(verify(jwks, "a", "input", signature, len),
                         SOCIAL_OK);
        assert_int_equal(verify(jwks, "a", "Input", signature, len),
                         SOCIAL_DECLINED);
        assert_int_equal(verify(jwks, "a", "", signature, len),
                         SOCIAL_DECLINED);
        assert_int_equal(verify(jwks, "b", "input", signature, len),
                         SOCIAL_DECLINED);
    }

    /* each length but the right one, and each byte changed */

    for (n = 0; n < len; n++) {
        assert_int_equal(verify(jwks, "a", "input", signature, n),
                         SOCIAL_DECLINED);

        saved = signature[n];
        signature[n] ^= 0x10;
        assert_int_equal(verify(jwks, "a", "input", signature, len),
                         SOCIAL_DECLINED);
        signature[n] = saved;
    }

    longer = calloc(1, 4 * len);
    assert_non_null(longer);

    memcpy(longer, signature, len);
    assert_int_equal(verify(jwks, "a", "input", longer, len + 1),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(jwks, "a", "input", longer, 4 * len),
                     SOCIAL_DECLINED);

    memset(longer, 0, 4 * len);
    memcpy(longer + 1, signature, len);
    assert_int_equal(verify(jwks, "a", "input", longer, len + 1),
                     SOCIAL_DECLINED);

    assert_int_equal(verify(jwks, "a", "input", none, 0), SOCIAL_DECLINED);
    assert_int_equal(verify(jwks, "a", "input", NULL, 0), SOCIAL_DECLINED);

    /* not below the modulus */

    memset(longer, 0xff, len);
    assert_int_equal(verify(jwks, "a", "input", longer, len),
                     SOCIAL_DECLINED);
    memset(longer, 0, len);
    assert_int_equal(verify(jwks, "a", "input", longer, len),
                     SOCIAL_DECLINED);

    assert_int_equal(verify(jwks, "a", "input", signature, len), SOCIAL_OK);

    social_jwks_free(jwks);
    free(a);
    free(b);
    free(keys);
    free(signature);
    free(longer);
}


/*
 * Sound in every way but that it is another padding or another digest.
 */

static void
test_other_algorithms(void **state)
{
    char           *a;
    size_t          i, len;
    const char     *why;
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    social_jwks_t  *jwks;
    unsigned char   signature[256];

    static const struct {
        const char  *digest;
        int          padding;
        social_rc_e  rc;
    } cases[] = {
        { "SHA256", RSA_PKCS1_PADDING, SOCIAL_OK },
        { "SHA256", RSA_PKCS1_PSS_PADDING, SOCIAL_DECLINED },
        { "SHA1", RSA_PKCS1_PADDING, SOCIAL_DECLINED },
        { "SHA224", RSA_PKCS1_PADDING, SOCIAL_DECLINED },
        { "SHA512-256", RSA_PKCS1_PADDING, SOCIAL_DECLINED },
        { "SHA512", RSA_PKCS1_PADDING, SOCIAL_DECLINED },
    };

    (void) state;

    a = social_unit_jwk(key, "a", "");
    assert_int_equal(parse(a, &jwks, &why), SOCIAL_OK);
    free(a);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, cases[i].digest,
                                               NULL, NULL, key, NULL), 1);
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, cases[i].padding) > 0);

        len = sizeof(signature);
        assert_int_equal(EVP_DigestSign(ctx, signature, &len,
                                        (const unsigned char *) "x", 1), 1);
        EVP_MD_CTX_free(ctx);

        assert_int_equal(verify(jwks, "a", "x", signature, len),
                         cases[i].rc);
    }

    /* nor is the hash alone, nor the hash with its name but no padding */

    memset(signature, 0, sizeof(signature));
    assert_int_equal(verify(jwks, "a", "x", signature, 32), SOCIAL_DECLINED);

    social_jwks_free(jwks);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ok),
        cmocka_unit_test(test_skipped),
        cmocka_unit_test(test_kid_and_alg),
        cmocka_unit_test(test_without_kid),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_other_algorithms),
    };

    return cmocka_run_group_tests_name("jwks", tests, set_up, tear_down);
}
