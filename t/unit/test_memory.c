
/*
 * What happens when memory runs out: every allocation of core and of OpenSSL
 * is made to fail in turn, and each time the outcome must be "ours is the
 * fault", not "theirs", with nothing lost.
 */

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "social_unit_key.h"
#include "social_base64url.h"
#include "social_claims.h"
#include "social_cognito_event.h"
#include "social_crypto.h"
#include "social_jwks.h"
#include "social_jwt.h"
#include "social_webhook.h"


void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);


/* RFC 7515, A.3, and RFC 8037, A.4: a key, what it signed, and how */

#define EC_KEY                                                                \
    "{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\","                       \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                  \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_INPUT                                                              \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogI"  \
    "mh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define EC_SIGNATURE                                                          \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf"  \
    "KTUJqPP3-Kg6NU1Q"

#define ED_KEY                                                                \
    "{\"kty\":\"OKP\",\"kid\":\"ed\",\"crv\":\"Ed25519\","                    \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define ED_INPUT                                                              \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define ED_SIGNATURE                                                          \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9"  \
    "g7sVvpAr_MuM0KAg"


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
    assert_true(asprintf(&text, "{\"keys\":[%s," EC_KEY "," ED_KEY "]}", jwk)
                > 0);

    /* what OpenSSL keeps for itself is there before anything fails */

    assert_int_equal(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       SOCIAL_JWKS_MAX_KEYS, &jwks, &why),
                     SOCIAL_OK);
    social_jwks_free(jwks);

    for (all = 0; all < 2; all++) {
        failed = 0;

        for (n = 1; /* void */; n++) {
            arm(n, all);
            rc = social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       SOCIAL_JWKS_MAX_KEYS, &jwks, &why);

            if (!disarm()) {
                assert_int_equal(rc, SOCIAL_OK);
                social_jwks_free(jwks);
                break;
            }

            /* OpenSSL does without some of what it could not have */

            assert_true((rc == SOCIAL_OK) == (jwks != NULL));

            /* a key is not passed over because there was no room for it */

            if (jwks) {
                assert_int_equal(jwks->count, 3);
                assert_int_equal(jwks->skipped, 0);
            }

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
 * Digests, signatures of webhooks and what is random: whatever fails, nothing
 * of it stays in OpenSSL's queue, where the next TLS connection would find it.
 */

static social_rc_e
digest_whole(void)
{
    unsigned char  out[SOCIAL_SHA256_SIZE];

    return social_sha256(S("abc"), out);
}


static social_rc_e
digest_pieces(void)
{
    social_rc_e       rc;
    unsigned char     out[SOCIAL_SHA256_SIZE];
    social_sha256_t  *h;

    h = social_sha256_create();
    if (h == NULL) {
        return SOCIAL_FAILED;
    }

    rc = social_sha256_update(h, S("abc"));

    if (rc == SOCIAL_OK) {
        rc = social_sha256_final(h, out);
    }

    social_sha256_destroy(h);

    return rc;
}


static social_rc_e
digest_keyed(void)
{
    unsigned char  out[SOCIAL_SHA256_SIZE];

    return social_hmac_sha256(S("key"), S("abc"), out);
}


static social_rc_e
expand(void)
{
    unsigned char  key_of[32], out[64];

    memset(key_of, 1, sizeof(key_of));

    return social_expand(key_of, out, sizeof(out));
}


static social_rc_e
webhook(void)
{
    social_rc_e   rc;
    social_str_t  secrets[2];

    secrets[0] = S("a secret of more than twenty-four bytes");
    secrets[1] = S("");

    rc = social_webhook_verify(S("id"), S("1700000000"), S("v1,AAAA"),
                               S("{}"), secrets, 1700000000);

    /* the signature is a bad one, and is never called so for want of memory */

    return rc == SOCIAL_DECLINED ? SOCIAL_OK : rc;
}


static void
test_crypto(void **state)
{
    int          all;
    long         n;
    size_t       i;
    social_rc_e  rc;
    static const struct {
        const char    *name;
        social_rc_e  (*run)(void);
    } cases[] = {
        { "whole", digest_whole },
        { "pieces", digest_pieces },
        { "keyed", digest_keyed },
        { "expand", expand },
        { "webhook", webhook },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (all = 0; all < 2; all++) {

            assert_int_equal(cases[i].run(), SOCIAL_OK);

            for (n = 1; /* void */; n++) {
                arm(n, all);
                rc = cases[i].run();

                if (!disarm()) {
                    assert_int_equal(rc, SOCIAL_OK);
                    break;
                }

                assert_true(rc == SOCIAL_OK || rc == SOCIAL_FAILED);
                assert_int_equal(ERR_peek_error(), 0);
            }

            assert_true(n > 1);
        }
    }
}


/*
 * An event is refused for what is in it, never for want of memory, and all of
 * it is freed.
 */

static void
test_event(void **state)
{
    int                      all;
    char                     text[4096], *p;
    long                     n;
    size_t                   i;
    const char              *field, *why;
    social_rc_e              rc;
    social_cognito_event_t   event;

    (void) state;

    p = text + sprintf(text, "{\"triggerSource\":\"PreSignUp_SignUp\","
                       "\"userPoolId\":\"a\",\"userName\":\"b\",\"x\":{");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "\"%zu\":[1,2],", i);
    }

    strcpy(p, "\"y\":0}}");

    for (all = 0; all < 2; all++) {
        for (n = 1; /* void */; n++) {
            arm(n, all);
            rc = social_cognito_event_parse(social_str(text), &event, &field,
                                            &why);

            if (!disarm()) {
                assert_int_equal(rc, SOCIAL_OK);
                social_cognito_event_free(&event);
                break;
            }

            assert_int_equal(rc, SOCIAL_FAILED);
            assert_null(event.json);
        }

        assert_true(n > 2);
    }
}


/*
 * A good signature is never called bad for want of memory, nor a bad one
 * good, and the set is as good as before.
 */

static void
check_verify(social_jwks_t *jwks, const char *kid, social_algorithm_e algorithm,
    const char *input, social_str_t signature)
{
    int                  all, bad, failed;
    long                 n;
    social_rc_e          rc;
    social_str_t         text;
    const social_jwk_t  *jwk;

    jwk = social_jwks_find(jwks, social_str(kid), algorithm);
    assert_non_null(jwk);

    for (bad = 0; bad < 2; bad++) {
        failed = 0;
        text = social_str(input);
        text.len -= (size_t) bad;

        for (all = 0; all < 2; all++) {
            for (n = 1; /* void */; n++) {
                arm(n, all);
                rc = social_jwks_verify(jwks, jwk, algorithm, text,
                                        signature);

                if (!disarm()) {
                    assert_int_equal(rc, bad ? SOCIAL_DECLINED : SOCIAL_OK);
                    break;
                }

                /* of EdDSA's hash OpenSSL does not say that it failed */

                if (bad || all || algorithm != SOCIAL_ALGORITHM_EDDSA) {
                    assert_int_not_equal(rc,
                                         bad ? SOCIAL_OK : SOCIAL_DECLINED);
                }

                assert_int_equal(ERR_peek_error(), 0);
                failed += (rc == SOCIAL_FAILED);

                assert_int_equal(social_jwks_verify(jwks, jwk, algorithm,
                                                    social_str(input),
                                                    signature),
                                 SOCIAL_OK);
            }
        }

        assert_true(failed > 0);
    }
}


static void
test_verify(void **state)
{
    char           *jwk, *text;
    size_t          len;
    const char     *why;
    social_str_t    signature;
    social_jwks_t  *jwks;
    unsigned char   buf[66];

    (void) state;

    jwk = social_unit_jwk(key, "a", "");
    assert_true(asprintf(&text, "{\"keys\":[%s," EC_KEY "," ED_KEY "]}", jwk)
                > 0);
    assert_int_equal(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       SOCIAL_JWKS_MAX_KEYS, &jwks, &why),
                     SOCIAL_OK);

    signature.data = social_unit_sign(key, "input", &len);
    signature.len = len;
    check_verify(jwks, "a", SOCIAL_ALGORITHM_RS256, "input", signature);
    free((void *) signature.data);

    signature.data = buf;

    assert_int_equal(social_base64url_decode(S(EC_SIGNATURE), buf,
                                             &signature.len), SOCIAL_OK);
    check_verify(jwks, "ec", SOCIAL_ALGORITHM_ES256, EC_INPUT, signature);

    assert_int_equal(social_base64url_decode(S(ED_SIGNATURE), buf,
                                             &signature.len), SOCIAL_OK);
    check_verify(jwks, "ed", SOCIAL_ALGORITHM_EDDSA, ED_INPUT, signature);

    social_jwks_free(jwks);
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
        cmocka_unit_test(test_crypto),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_verify),
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
