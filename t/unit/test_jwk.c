
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_jwk.h"


static EVP_PKEY             *key;
static social_algorithms_t   algorithms;    /* of the key last parsed */


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


static social_rc_e
outcome(const char *text, const char **why)
{
    social_rc_e     rc;
    social_jwk_t    jwk;
    social_json_t  *json;

    *why = NULL;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    rc = social_jwk_parse(json, SOCIAL_ALGORITHMS_ALL, &jwk, why);
    social_json_free(json);

    if (rc == SOCIAL_OK) {
        assert_non_null(jwk.pkey);
        assert_int_not_equal(jwk.algorithms, 0);
        assert_int_equal(jwk.algorithms & ~SOCIAL_ALGORITHMS_ALL, 0);
        algorithms = jwk.algorithms;
        social_jwk_free(&jwk);

    } else {
        assert_non_null(*why);
    }

    assert_null(jwk.pkey);
    assert_int_equal(jwk.algorithms, 0);
    assert_null(jwk.kid.data);
    assert_int_equal(jwk.kid.len, 0);

    return rc;
}


/* the key of set_up() with more members, each with a comma before it */

static social_rc_e
with(const char *more)
{
    char         *text;
    const char   *why;
    social_rc_e   rc;

    text = social_unit_jwk(key, "k", more);
    rc = outcome(text, &why);
    free(text);

    return rc;
}


/* a key of that modulus and that exponent, both in base64url */

static social_rc_e
numbers(const char *n, const char *e, const char **why)
{
    char         *text;
    social_rc_e   rc;

    assert_true(asprintf(&text, "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"%s\","
                         "\"e\":\"%s\"}", n, e) > 0);
    rc = outcome(text, why);
    free(text);

    return rc;
}


/* a number of so many bits, in as many bytes and some zeros before them */

static char *
number(size_t bits, bool odd, size_t zeros)
{
    char           *text;
    size_t          len;
    unsigned char  *p;

    len = (bits + 7) / 8;

    p = calloc(1, zeros + len);
    assert_non_null(p);

    memset(p + zeros, 0xa5, len);
    p[zeros] = (unsigned char) (1 << ((bits - 1) % 8));
    p[zeros + len - 1] = (unsigned char) ((p[zeros + len - 1] & 0xfe) | odd);

    text = social_unit_base64url(p, zeros + len);
    free(p);

    return text;
}


static void
test_ok(void **state)
{
    char           *text;
    const char     *why;
    social_jwk_t    jwk;
    social_json_t  *json;

    (void) state;

    text = social_unit_jwk(key, "a/b c", ",\"use\":\"sig\",\"alg\":\"RS256\","
                           "\"key_ops\":[\"verify\"],\"x5t\":1");

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);
    assert_int_equal(social_jwk_parse(json, SOCIAL_ALGORITHMS_ALL, &jwk,
                                      &why), SOCIAL_OK);

    /* the key lives on without the document */

    social_json_free(json);
    free(text);

    assert_str(jwk.kid, "a/b c");
    assert_int_equal(EVP_PKEY_eq(jwk.pkey, key), 1);

    social_jwk_free(&jwk);
    social_jwk_free(&jwk);
}


static void
test_purpose(void **state)
{
    size_t  i;

    static const struct {
        const char   *more;
        social_rc_e   rc;
    } cases[] = {
        { "", SOCIAL_OK },
        { ",\"use\":\"sig\"", SOCIAL_OK },
        { ",\"use\":\"enc\"", SOCIAL_DECLINED },
        { ",\"use\":\"SIG\"", SOCIAL_DECLINED },
        { ",\"use\":\"\"", SOCIAL_DECLINED },
        { ",\"alg\":\"RS256\"", SOCIAL_OK },
        { ",\"alg\":\"rs256\"", SOCIAL_DECLINED },
        { ",\"alg\":\"RS384\"", SOCIAL_OK },
        { ",\"alg\":\"PS256\"", SOCIAL_OK },
        { ",\"alg\":\"ES256\"", SOCIAL_DECLINED },
        { ",\"alg\":\"EdDSA\"", SOCIAL_DECLINED },
        { ",\"alg\":\"\"", SOCIAL_DECLINED },
        { ",\"alg\":\"RSA-OAEP\"", SOCIAL_DECLINED },
        { ",\"alg\":\"HS256\"", SOCIAL_DECLINED },
        { ",\"alg\":\"none\"", SOCIAL_DECLINED },
        { ",\"key_ops\":[\"verify\"]", SOCIAL_OK },
        { ",\"key_ops\":[\"encrypt\",1,\"verify\"]", SOCIAL_OK },
        { ",\"key_ops\":[\"sign\"]", SOCIAL_DECLINED },
        { ",\"key_ops\":[]", SOCIAL_DECLINED },

        /* members of a wrong type */
        { ",\"use\":1", SOCIAL_MALFORMED },
        { ",\"use\":[\"sig\"]", SOCIAL_MALFORMED },
        { ",\"use\":null", SOCIAL_OK },
        { ",\"alg\":1", SOCIAL_MALFORMED },
        { ",\"alg\":null", SOCIAL_OK },
        { ",\"alg\":[\"RS256\"]", SOCIAL_MALFORMED },
        { ",\"key_ops\":\"verify\"", SOCIAL_MALFORMED },
        { ",\"key_ops\":null", SOCIAL_OK },
        { ",\"key_ops\":{\"verify\":1}", SOCIAL_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(with(cases[i].more), cases[i].rc);
    }
}


static void
test_type(void **state)
{
    size_t          i;
    const char     *why;
    social_jwk_t    jwk;
    social_json_t  *json;

    static const struct {
        const char   *text;
        social_rc_e   rc;
    } cases[] = {
        { "{}", SOCIAL_MALFORMED },
        { "{\"kty\":1}", SOCIAL_MALFORMED },
        { "{\"kty\":null,\"kid\":\"k\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"rsa\",\"kid\":\"k\"}", SOCIAL_DECLINED },
        { "{\"kty\":\"EC\",\"kid\":\"k\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"OKP\",\"kid\":\"k\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"X25519\"}",
          SOCIAL_DECLINED },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\","
          "\"x\":\"AAAA\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\","
          "\"alg\":\"ES256\"}", SOCIAL_DECLINED },
        { "{\"kty\":\"ec\",\"kid\":\"k\"}", SOCIAL_DECLINED },
        { "{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"AAAA\"}", SOCIAL_DECLINED },
        { "{\"kty\":\"RSA\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"kid\":\"k\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":1,\"e\":\"AQAB\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"\",\"e\":\"AQAB\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AA==\",\"e\":\"AQAB\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AQ\",\"e\":\"AQAB\"}",
          SOCIAL_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(outcome(cases[i].text, &why), cases[i].rc);
    }

    assert_int_equal(social_jwk_parse(NULL, SOCIAL_ALGORITHMS_ALL, &jwk,
                                      &why), SOCIAL_MALFORMED);

    assert_int_equal(social_json_parse(S("{\"a\":[\"x\"]}"), &json),
                     SOCIAL_OK);
    assert_int_equal(social_jwk_parse(social_json_member(json, S("a")),
                                      SOCIAL_ALGORITHMS_ALL, &jwk, &why),
                     SOCIAL_MALFORMED);
    assert_string_equal(why, "a key is not an object");
    social_json_free(json);
}


static void
test_kid(void **state)
{
    char        *n, *text, kid[SOCIAL_JWK_MAX_KID + 2];
    size_t       i;
    const char  *why;

    static const struct {
        const char   *member;
        social_rc_e   rc;
    } cases[] = {
        { "", SOCIAL_OK },
        { ",\"kid\":\"\"", SOCIAL_DECLINED },
        { ",\"kid\":1", SOCIAL_MALFORMED },
        { ",\"kid\":null", SOCIAL_OK },
        { ",\"kid\":[\"k\"]", SOCIAL_MALFORMED },
    };

    (void) state;

    n = social_unit_number(key, OSSL_PKEY_PARAM_RSA_N);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(asprintf(&text, "{\"kty\":\"RSA\",\"n\":\"%s\","
                             "\"e\":\"AQAB\"%s}", n, cases[i].member) > 0);
        assert_int_equal(outcome(text, &why), cases[i].rc);
        free(text);
    }

    free(n);

    memset(kid, 'k', sizeof(kid));
    kid[SOCIAL_JWK_MAX_KID] = '\0';

    text = social_unit_jwk(key, kid, "");
    assert_int_equal(outcome(text, &why), SOCIAL_OK);
    free(text);

    kid[SOCIAL_JWK_MAX_KID] = 'k';
    kid[SOCIAL_JWK_MAX_KID + 1] = '\0';

    text = social_unit_jwk(key, kid, "");
    assert_int_equal(outcome(text, &why), SOCIAL_DECLINED);
    free(text);
}


static void
test_size(void **state)
{
    char        *n;
    size_t       i;
    const char  *why;

    static const struct {
        size_t        bits;
        bool          odd;
        size_t        zeros;
        social_rc_e   rc;
        const char   *why;
    } cases[] = {
        { 2048, true, 0, SOCIAL_OK, NULL },
        { 2048, true, 1, SOCIAL_OK, NULL },
        { 3072, true, 0, SOCIAL_OK, NULL },
        { 8192, true, 0, SOCIAL_OK, NULL },
        { 8192, true, 1, SOCIAL_OK, NULL },
        { 2047, true, 0, SOCIAL_MALFORMED,
          "an RSA key has fewer than 2048 bits" },
        { 2047, true, 8, SOCIAL_MALFORMED,
          "an RSA key has fewer than 2048 bits" },
        { 1024, true, 0, SOCIAL_MALFORMED,
          "an RSA key has fewer than 2048 bits" },
        { 8193, true, 0, SOCIAL_MALFORMED,
          "an RSA key has more than 8192 bits" },
        { 16384, true, 0, SOCIAL_MALFORMED,
          "an RSA key's \"n\" or \"e\" has more than 8192 bits" },
        { 2048, false, 0, SOCIAL_MALFORMED,
          "an RSA key's modulus is even" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = number(cases[i].bits, cases[i].odd, cases[i].zeros);

        assert_int_equal(numbers(n, "AQAB", &why), cases[i].rc);

        if (cases[i].why != NULL) {
            assert_string_equal(why, cases[i].why);
        }

        free(n);
    }
}


static void
test_exponent(void **state)
{
    char        *n;
    size_t       i;
    const char  *why;

    static const struct {
        const char   *e;
        social_rc_e   rc;
    } cases[] = {
        { "AQAB", SOCIAL_OK },
        { "AAEAAQ", SOCIAL_OK },                    /* a leading zero */
        { "Aw", SOCIAL_OK },                        /* 3 */
        { "__________8", SOCIAL_OK },               /* 2^64 - 1 */
        { "AQAAAAAAAAAB", SOCIAL_MALFORMED },       /* 2^64 + 1 */
        { "AA", SOCIAL_MALFORMED },                 /* 0 */
        { "AQ", SOCIAL_MALFORMED },                 /* 1 */
        { "Ag", SOCIAL_MALFORMED },                 /* 2 */
        { "AQAA", SOCIAL_MALFORMED },
        { "", SOCIAL_MALFORMED },
        { "AQAB=", SOCIAL_MALFORMED },
        { "AQ==", SOCIAL_MALFORMED },
        { "AQA+", SOCIAL_MALFORMED },
        { " AQAB", SOCIAL_MALFORMED },
        { "AQABA", SOCIAL_MALFORMED },
    };

    (void) state;

    n = social_unit_number(key, OSSL_PKEY_PARAM_RSA_N);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(numbers(n, cases[i].e, &why), cases[i].rc);
    }

    /* as large as the modulus */

    assert_int_equal(numbers(n, n, &why), SOCIAL_MALFORMED);
    free(n);
}


/*
 * Everybody who reads the set could sign by a private key.
 */

static void
test_private(void **state)
{
    char        *d, *more, *text;
    size_t       i;
    const char  *why;

    static const char  *members[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth"
    };

    (void) state;

    d = social_unit_number(key, OSSL_PKEY_PARAM_RSA_D);
    assert_true(asprintf(&more, ",\"d\":\"%s\"", d) > 0);
    assert_int_equal(with(more), SOCIAL_DECLINED);
    free(more);
    free(d);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        assert_true(asprintf(&more, ",\"%s\":null", members[i]) > 0);
        text = social_unit_jwk(key, "k", more);
        assert_int_equal(outcome(text, &why), SOCIAL_DECLINED);
        assert_string_equal(why, "a key is a private one: only its public "
                            "members may be in a set");
        free(text);
        free(more);
    }
}


static void
test_algorithm(void **state)
{
    (void) state;

    assert_int_equal(social_algorithm(S("")), SOCIAL_ALGORITHM_NONE);
    assert_int_equal(social_algorithm(S("none")), SOCIAL_ALGORITHM_NONE);
    assert_int_equal(social_algorithm(S("HS256")), SOCIAL_ALGORITHM_NONE);
    assert_int_equal(social_algorithm(S("rs256")), SOCIAL_ALGORITHM_NONE);

    assert_int_equal(social_algorithm_hash(SOCIAL_ALGORITHM_ES384),
                     SOCIAL_HASH_SHA384);
    assert_int_equal(social_algorithm_hash(SOCIAL_ALGORITHM_EDDSA),
                     SOCIAL_HASH_NONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ok),
        cmocka_unit_test(test_purpose),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_exponent),
        cmocka_unit_test(test_algorithm),
        cmocka_unit_test(test_private),
    };

    return cmocka_run_group_tests_name("jwk", tests, set_up, tear_down);
}
