
/*
 * Keys on curves, and the algorithms of every type of key.
 */

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_base64url.h"
#include "social_jwk.h"
#include "social_jwks.h"


/* as RFC 7518, RFC 8037 and RFC 9864 spell them */

static const char  *names[SOCIAL_ALGORITHM_END] = {
    "", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"
};

#define BIT(name)  social_algorithm_bit(SOCIAL_ALGORITHM_ ## name)


typedef struct {
    const char           *type;       /* of OpenSSL */
    const char           *crv;
    social_algorithms_t   algorithms;
    size_t                size;       /* of a number in the JWK */
    EVP_PKEY             *pkey;
} curve_t;


static curve_t  curves[] = {
    { "EC", "P-256", BIT(ES256), 32, NULL },
    { "EC", "P-384", BIT(ES384), 48, NULL },
    { "EC", "P-521", BIT(ES512), 66, NULL },
    { "ED25519", "Ed25519", BIT(EDDSA) | BIT(ED25519), 32, NULL },
    { "ED448", "Ed448", BIT(EDDSA) | BIT(ED448), 57, NULL }
};

#define CURVES  (sizeof(curves) / sizeof(curves[0]))


static EVP_PKEY  *rsa;


static int
set_up(void **state)
{
    size_t  i;

    (void) state;

    rsa = social_unit_key(2048);

    for (i = 0; i < CURVES; i++) {
        curves[i].pkey = i < 3
                         ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i].crv)
                         : EVP_PKEY_Q_keygen(NULL, NULL, curves[i].type);
        assert_non_null(curves[i].pkey);
    }

    return 0;
}


static int
tear_down(void **state)
{
    size_t  i;

    (void) state;

    EVP_PKEY_free(rsa);

    for (i = 0; i < CURVES; i++) {
        EVP_PKEY_free(curves[i].pkey);
    }

    return 0;
}


/* the algorithms of a key, 0 where it is refused */

static social_algorithms_t
parse(const char *text, social_algorithms_t algorithms, social_rc_e *rc,
    const char **why)
{
    social_jwk_t          jwk;
    social_json_t        *json;
    social_algorithms_t   found;

    *why = "";
    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    *rc = social_jwk_parse(json, algorithms, &jwk, why);
    found = jwk.algorithms;

    assert_true((*rc == SOCIAL_OK) == (jwk.pkey != NULL));
    assert_true((*rc == SOCIAL_OK) == (found != 0));

    social_jwk_free(&jwk);
    social_json_free(json);
    ERR_clear_error();

    return found;
}


static social_rc_e
outcome(const char *text, const char **why)
{
    social_rc_e  rc;

    parse(text, SOCIAL_ALGORITHMS_ALL, &rc, why);

    return rc;
}


static void
test_names(void **state)
{
    unsigned     i;

    static const char  *others[] = {
        "", "none", "HS256", "RS1", "rs256", "ES256K", "RS25", "RS2566",
        "EdDSA ", "eddsa", "ED448", "PS256\0"
    };

    (void) state;

    for (i = SOCIAL_ALGORITHM_RS256; i < SOCIAL_ALGORITHM_END; i++) {
        assert_int_equal(social_algorithm(social_str(names[i])), i);
        assert_true(SOCIAL_ALGORITHMS_ALL & social_algorithm_bit(i));
    }

    assert_int_equal(SOCIAL_ALGORITHMS_ALL
                     & social_algorithm_bit(SOCIAL_ALGORITHM_NONE), 0);
    assert_int_equal(SOCIAL_ALGORITHMS_ALL
                     & social_algorithm_bit(SOCIAL_ALGORITHM_END), 0);

    for (i = 0; i < sizeof(others) / sizeof(others[0]) - 1; i++) {
        assert_int_equal(social_algorithm(social_str(others[i])),
                         SOCIAL_ALGORITHM_NONE);
    }

    assert_int_equal(social_algorithm(S("PS256\0")), SOCIAL_ALGORITHM_NONE);
}


/* which algorithms a key is for, by its type, its "alg" and the issuer */

static void
test_algorithms(void **state)
{
    char                 *text, *more;
    size_t                i;
    unsigned              a, b;
    social_rc_e           rc;
    const char           *why;
    social_algorithms_t   all, of_type, found;

    (void) state;

    all = SOCIAL_ALGORITHMS_ALL;

    for (i = 0; i <= CURVES; i++) {

        of_type = i < CURVES ? curves[i].algorithms
                             : SOCIAL_ALGORITHMS_RS | SOCIAL_ALGORITHMS_PS;

        for (a = SOCIAL_ALGORITHM_NONE; a < SOCIAL_ALGORITHM_END; a++) {

            if (a == SOCIAL_ALGORITHM_NONE) {
                more = strdup("");
                assert_non_null(more);
                found = of_type;

            } else {
                assert_true(asprintf(&more, ",\"alg\":\"%s\"", names[a]) > 0);
                found = of_type & social_algorithm_bit(a);
            }

            text = i < CURVES
                   ? social_unit_curve_jwk(curves[i].pkey, curves[i].crv, "k",
                                           more)
                   : social_unit_jwk(rsa, "k", more);

            assert_int_equal(parse(text, all, &rc, &why), found);
            assert_int_equal(rc, found ? SOCIAL_OK : SOCIAL_DECLINED);

            /* an issuer with one of them */

            for (b = SOCIAL_ALGORITHM_RS256; b < SOCIAL_ALGORITHM_END; b++) {
                assert_int_equal(parse(text, social_algorithm_bit(b), &rc,
                                       &why),
                                 found & social_algorithm_bit(b));
                assert_int_equal(rc, found & social_algorithm_bit(b)
                                     ? SOCIAL_OK : SOCIAL_DECLINED);
            }

            assert_int_equal(parse(text, 0, &rc, &why), 0);
            assert_int_equal(rc, SOCIAL_DECLINED);

            free(text);
            free(more);
        }
    }
}


/* a key of two numbers of so many bytes, each of that byte */

static char *
filled(const curve_t *curve, size_t xlen, size_t ylen, int byte)
{
    char           *x, *y, *text;
    unsigned char   buf[128];

    memset(buf, byte, sizeof(buf));
    x = social_unit_base64url(buf, xlen);
    y = social_unit_base64url(buf, ylen);

    assert_true(asprintf(&text, "{\"kty\":\"%s\",\"crv\":\"%s\",\"kid\":\"k\","
                         "\"x\":\"%s\",\"y\":\"%s\"}",
                         strcmp(curve->type, "EC") == 0 ? "EC" : "OKP",
                         curve->crv, x, y) > 0);
    free(x);
    free(y);

    return text;
}


/* RFC 7518, 6.2.1.2; RFC 8037, 2 */

static void
test_lengths(void **state)
{
    char        *text;
    size_t       i, len;
    const char  *why;

    (void) state;

    for (i = 0; i < CURVES; i++) {
        for (len = 0; len < 100; len++) {

            if (len == curves[i].size) {
                continue;
            }

            text = filled(&curves[i], len, curves[i].size, 0x11);
            assert_int_equal(outcome(text, &why), SOCIAL_MALFORMED);
            assert_non_null(strstr(why, "base64url of its curve's length"));
            free(text);

            if (i < 3) {
                text = filled(&curves[i], curves[i].size, len, 0x11);
                assert_int_equal(outcome(text, &why), SOCIAL_MALFORMED);
                assert_non_null(strstr(why, "of its curve's length"));
                free(text);
            }
        }
    }
}


static void
test_points(void **state)
{
    int          byte;
    char        *text, *x;
    size_t       i;
    const char  *why;

    static const int  bytes[] = { 0, 1, 0x11, 0x7f, 0xff };

    (void) state;

    /* none of these is on its curve, or below its prime */

    for (i = 0; i < 3; i++) {
        for (byte = 0; byte < 5; byte++) {
            text = filled(&curves[i], curves[i].size, curves[i].size,
                          bytes[byte]);
            assert_int_equal(outcome(text, &why), SOCIAL_MALFORMED);
            assert_string_equal(why, "an EC key's point is not on its curve");
            free(text);
        }

        /* one that is, changed in its last bits */

        text = social_unit_curve_jwk(curves[i].pkey, curves[i].crv, "k", "");
        assert_int_equal(outcome(text, &why), SOCIAL_OK);

        x = strstr(text, "\"x\":\"") + 5;
        x[10] = x[10] == 'A' ? 'B' : 'A';
        assert_int_equal(outcome(text, &why), SOCIAL_MALFORMED);
        assert_string_equal(why, "an EC key's point is not on its curve");
        free(text);
    }
}


static void
test_refused(void **state)
{
    size_t       i;
    const char  *why;

    static const struct {
        const char   *text;
        social_rc_e   rc;
        const char   *why;
    } cases[] = {
        { "{\"kty\":\"EC\",\"kid\":\"k\"}", SOCIAL_MALFORMED,
          "an EC key has no \"crv\"" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":256}", SOCIAL_MALFORMED,
          "an EC key has no \"crv\"" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"x\":\"AA\"}", SOCIAL_MALFORMED,
          "an OKP key has no \"crv\"" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-256\"}", SOCIAL_MALFORMED,
          "an EC key's \"x\" or \"y\" is not base64url of its curve's "
          "length" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-256\",\"x\":1,\"y\":1}",
          SOCIAL_MALFORMED,
          "an EC key's \"x\" or \"y\" is not base64url of its curve's "
          "length" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\"}",
          SOCIAL_MALFORMED,
          "an OKP key's \"x\" is not base64url of its curve's length" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"secp256k1\"}",
          SOCIAL_DECLINED,
          "an EC key's \"crv\" is not P-256, P-384 or P-521" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"p-256\"}", SOCIAL_DECLINED,
          "an EC key's \"crv\" is not P-256, P-384 or P-521" },
        { "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"Ed25519\"}",
          SOCIAL_DECLINED,
          "an EC key's \"crv\" is not P-256, P-384 or P-521" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"X25519\"}",
          SOCIAL_DECLINED, "an OKP key's \"crv\" is not Ed25519 or Ed448" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"P-256\"}",
          SOCIAL_DECLINED, "an OKP key's \"crv\" is not Ed25519 or Ed448" },

        /* base64url of the right length that has another spelling */
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\",\"x\":"
          "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR\\u003d\"}",
          SOCIAL_MALFORMED,
          "an OKP key's \"x\" is not base64url of its curve's length" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\",\"x\":"
          "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp\"}",
          SOCIAL_MALFORMED,
          "an OKP key's \"x\" is not base64url of its curve's length" },
        { "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\",\"x\":"
          "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
          SOCIAL_OK, "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(outcome(cases[i].text, &why), cases[i].rc);
        assert_string_equal(why, cases[i].why);
    }
}


/* what OpenSSL writes, and its numbers about to be out of range */

static void
test_der(void **state)
{
    int             size;
    size_t          i, len, n;
    BIGNUM         *order, *one;
    EC_GROUP       *group;
    ECDSA_SIG      *pair;
    social_str_t    signature;
    unsigned char   raw[2 * SOCIAL_JWK_MAX_EC_BYTES];
    unsigned char   der[SOCIAL_JWK_MAX_EC_DER], *theirs;

    static const int  nids[] = {
        NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        size = (int) curves[i].size;
        group = EC_GROUP_new_by_curve_name(nids[i]);
        one = BN_new();
        assert_true(group != NULL && one != NULL && BN_one(one));

        /* n - 1, n and n + 1 as r, and 2^k as s */

        for (n = 0; n < curves[i].size * 8 - 8; n++) {
            order = BN_dup(EC_GROUP_get0_order(group));
            pair = ECDSA_SIG_new();
            assert_true(order != NULL && pair != NULL);
            assert_true(BN_sub(order, order, one));
            assert_true(BN_bn2binpad(order, raw, size) == size);

            assert_true(BN_lshift(one, BN_value_one(), (int) n));
            assert_true(BN_bn2binpad(one, raw + size, size) == size);

            assert_true(ECDSA_SIG_set0(pair, order, BN_dup(one)));
            theirs = NULL;
            len = (size_t) i2d_ECDSA_SIG(pair, &theirs);

            signature.data = raw;
            signature.len = (size_t) size * 2;

            assert_int_equal(social_jwk_ec_der((social_algorithm_e)
                                 (SOCIAL_ALGORITHM_ES256 + i), signature,
                                 der), len);
            assert_memory_equal(der, theirs, len);

            OPENSSL_free(theirs);
            ECDSA_SIG_free(pair);
            assert_true(BN_one(one));
        }

        for (n = 0; n < 2; n++) {
            order = BN_dup(EC_GROUP_get0_order(group));
            assert_true(order != NULL && BN_add_word(order, n));

            assert_true(BN_bn2binpad(order, raw, size) == size);
            assert_int_equal(social_jwk_ec_der((social_algorithm_e)
                                 (SOCIAL_ALGORITHM_ES256 + i), signature,
                                 der), 0);

            /* and as s */

            memcpy(raw + size, raw, (size_t) size);
            assert_true(BN_bn2binpad(one, raw, size) == size);
            assert_int_equal(social_jwk_ec_der((social_algorithm_e)
                                 (SOCIAL_ALGORITHM_ES256 + i), signature,
                                 der), 0);
            BN_free(order);
        }

        memset(raw + size, 0, (size_t) size);
        assert_int_equal(social_jwk_ec_der((social_algorithm_e)
                             (SOCIAL_ALGORITHM_ES256 + i), signature, der), 0);

        BN_free(one);
        EC_GROUP_free(group);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_der),
    };

    return cmocka_run_group_tests_name("jwk types", tests, set_up, tear_down);
}
