
/*
 * Published vectors: RFC 7515, 7517 and 7520, and Wycheproof.  All but one
 * are read from a folder beside the checkout, and skipped where it is not
 * there.
 */

#include <jansson.h>

#include "social_unit_key.h"
#include "social_base64url.h"
#include "social_jwks.h"
#include "social_jwt.h"


#define DATA     SOCIAL_TOP "/t/data/jwt/"
#define VECTORS  SOCIAL_TOP "/../shared/vectors/jwt/"


/* what we judge otherwise than a vector's author, and why */

typedef struct {
    int          id;
    const char  *why;
} deviation_t;


#define HMAC      "HS*: a shared secret verifies nothing here"
#define ECDSA     "ES*: only RS256 is accepted"
#define PSS       "PS*: only RS256 is accepted"
#define SHA2      "RS384, RS512: only RS256 is accepted"
#define JWE       "an encrypted token is none of ours"
#define SPELLING  HMAC ", and base64url has one spelling only"
#define ROCA      "how an issuer made its key is not looked into: sets come " \
                  "from issuers that the operator trusts"


static const deviation_t  signature_deviations[] = {
    { 1, HMAC },
    { 18, ECDSA },
    { 264, SHA2 },
    { 265, SHA2 },
    { 266, SHA2 },
    { 267, SHA2 },
    { 268, SHA2 },
    { 269, SHA2 },
    { 270, SHA2 },
    { 271, SHA2 },
    { 272, PSS },
    { 273, PSS },
    { 274, PSS },
    { 275, PSS },
    { 287, PSS },
    { 288, PSS },
    { 320, PSS },
    { 321, PSS },
    { 322, PSS },
    { 323, PSS },
    { 325, PSS },
    { 326, PSS },
    { 327, PSS },
    { 328, PSS },
    { 346, PSS },
    { 347, ECDSA },
    { 348, HMAC },
    { 350, PSS },
    { 351, ECDSA },
    { 352, HMAC },
    { 357, HMAC },
    { 358, HMAC },
    { 359, HMAC },
    { 372, SPELLING },
    { 373, SPELLING },
    { 376, HMAC },
    { 377, HMAC },
    { 378, ECDSA },
    { 0, NULL }
};

static const deviation_t  key_deviations[] = {
    { 2, HMAC },
    { 7, ROCA },
    { 13, HMAC },
    { 14, HMAC },
    { 15, HMAC },
    { 0, NULL }
};

static const deviation_t  crypto_deviations[] = {
    { 1, HMAC },
    { 18, ECDSA },
    { 46, ROCA },
    { 48, HMAC },
    { 50, JWE },
    { 67, JWE },
    { 0, NULL }
};


static json_t *
load(const char *path)
{
    json_t        *json;
    size_t         len;
    json_error_t   error;
    unsigned char  *text;

    len = 0;
    text = social_unit_read(path, &len);
    if (text == NULL) {
        if (strncmp(path, VECTORS, sizeof(VECTORS) - 1) != 0) {
            fail_msg("%s is not there", path);
        }

        print_message("SKIP: %s is not there\n", path);
        skip();
    }

    json = json_loadb((const char *) text, len, 0, &error);
    assert_non_null(json);
    free(text);

    return json;
}


static const char *
member(const json_t *object, const char *name)
{
    const char  *s;

    s = json_string_value(json_object_get(object, name));
    assert_non_null(s);

    return s;
}


static social_rc_e
key_of(json_t *key, social_jwk_t *jwk, const char **why)
{
    char           *text;
    social_rc_e     rc;
    social_json_t  *json;

    text = json_dumps(key, 0);
    assert_non_null(text);
    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);
    free(text);

    rc = social_jwk_parse(json, jwk, why);

    social_json_free(json);

    return rc;
}


/* a set of that key or of that set's keys, as the text of a document */

static social_jwks_t *
set_of(json_t *key)
{
    char           *text;
    json_t         *keys;
    const char     *why;
    social_rc_e     rc;
    social_jwks_t  *jwks;

    if (json_object_get(key, "keys") != NULL) {
        text = json_dumps(key, 0);

    } else {
        keys = json_pack("{s:[O]}", "keys", key);
        text = json_dumps(keys, 0);
        json_decref(keys);
    }

    rc = social_jwks_parse(social_str(text), &jwks, &why);
    assert_true(rc == SOCIAL_OK || rc == SOCIAL_DECLINED);
    free(text);

    return jwks;
}


/* whether a part is strict base64url */

static bool
decodes(social_str_t part, unsigned char *buf, social_str_t *out)
{
    out->data = buf;

    return social_base64url_decode(part, buf, &out->len) == SOCIAL_OK;
}


/*
 * Whether we would take that token by that key, its payload aside: the
 * vectors sign "foo" and the like, where we want a JSON object with an issuer.
 * So the header is judged as part of a token with a payload of ours, and the
 * signature over what the vector signed.
 */

static bool
accepts(json_t *key, const char *token)
{
    char                   *ours;
    bool                    accepted;
    size_t                  len;
    const char             *dot, *last;
    social_str_t            payload, signature, input;
    social_jwt_t            jwt;
    unsigned char          *buf, *bytes;
    social_jwks_t          *jwks;
    const social_jwk_t     *jwk;

    dot = strchr(token, '.');
    last = strrchr(token, '.');

    if (dot == NULL || dot == last || strchr(dot + 1, '.') != last) {
        return false;
    }

    accepted = false;
    len = strlen(token) + 64;
    ours = malloc(len);
    buf = malloc(len);
    bytes = malloc(len);
    assert_true(ours != NULL && buf != NULL && bytes != NULL);

    snprintf(ours, len, "%.*s.eyJpc3MiOiJ4In0%s", (int) (dot - token), token,
             last);

    payload.data = (const unsigned char *) dot + 1;
    payload.len = (size_t) (last - dot) - 1;

    if (!decodes(payload, bytes, &payload)
        || social_jwt_parse(social_str(ours), buf, &jwt) != SOCIAL_TOKEN_OK)
    {
        goto done;
    }

    jwks = set_of(key);

    if (jwks != NULL) {
        jwk = social_jwks_find(jwks, jwt.kid);

        input.data = (const unsigned char *) token;
        input.len = (size_t) (last - token);
        signature = jwt.signature;

        accepted = jwk != NULL
                   && social_jwks_verify(jwks, jwk, input, signature)
                      == SOCIAL_OK;
        social_jwks_free(jwks);
    }

    social_jwt_free(&jwt);

done:

    free(ours);
    free(buf);
    free(bytes);

    return accepted;
}


/*
 * Our judgement differs from the file's in the listed cases, all of them and
 * no other.
 */

static void
judge_file(const char *path, const char *token_name,
    const deviation_t *deviations)
{
    int                 id, wrong;
    bool                accepted, valid;
    json_t             *file, *group, *test, *key;
    size_t              i, j, cases, listed;
    const deviation_t  *d;

    file = load(path);
    cases = 0;
    listed = 0;
    wrong = 0;

    json_array_foreach(json_object_get(file, "testGroups"), i, group) {

        key = json_object_get(group, "public");
        if (key == NULL) {
            key = json_object_get(group, "private");
        }

        json_array_foreach(json_object_get(group, "tests"), j, test) {

            id = (int) json_integer_value(json_object_get(test, "tcId"));
            valid = strcmp(member(test, "result"), "valid") == 0;

            for (d = deviations; d->why != NULL && d->id != id; d++) {
                /* void */
            }

            if (json_is_string(json_object_get(test, token_name))) {
                accepted = accepts(key, member(test, token_name));

            } else {
                /* JSON serialization, or an encrypted token */
                accepted = false;
            }

            cases++;
            listed += (d->why != NULL);

            if (accepted == (d->why == NULL ? valid : !valid)) {
                continue;
            }

            wrong++;
            print_message("tcId %d, %s, %s: %s%s\n", id,
                          member(group, "comment"), member(test, "comment"),
                          accepted ? "accepted" : "refused",
                          d->why ? ", no longer a deviation" : "");
        }
    }

    assert_int_equal(cases, json_integer_value(json_object_get(
                                file, "numberOfTests")));
    json_decref(file);

    /* each that is listed was met */

    for (d = deviations; d->why != NULL; d++) {
        listed--;
    }

    assert_int_equal(listed, 0);
    assert_int_equal(wrong, 0);
}


static void
test_wycheproof_signature(void **state)
{
    (void) state;

    judge_file(VECTORS "wycheproof/json_web_signature_test.json", "jws",
               signature_deviations);
}


static void
test_wycheproof_key(void **state)
{
    (void) state;

    judge_file(VECTORS "wycheproof/json_web_key_test.json", "jws",
               key_deviations);
}


static void
test_wycheproof_crypto(void **state)
{
    (void) state;

    judge_file(VECTORS "wycheproof/json_web_crypto_test.json", "jws",
               crypto_deviations);
}


static size_t
unhex(const char *text, unsigned char *out)
{
    size_t    n;
    unsigned  byte;

    for (n = 0; text[2 * n] != '\0'; n++) {
        assert_int_equal(sscanf(text + 2 * n, "%2x", &byte), 1);
        out[n] = (unsigned char) byte;
    }

    return n;
}


/*
 * PKCS #1 v1.5 alone.  "Acceptable", a DigestInfo without its NULL, is refused:
 * JWS has no use for what some cards of the nineties made.
 */

static void
judge_pkcs1(const char *path)
{
    int              wrong, known;
    bool             valid;
    json_t          *file, *group, *test, *key;
    size_t           i, j, cases;
    social_rc_e      rc;
    social_str_t     message, signature;
    social_jwks_t   *jwks;
    unsigned char   *a, *b;

    file = load(path);
    cases = 0;
    wrong = 0;
    known = 0;

    json_array_foreach(json_object_get(file, "testGroups"), i, group) {

        key = json_object_get(group, "keyJwk");
        assert_non_null(key);

        jwks = set_of(key);
        assert_non_null(jwks);

        json_array_foreach(json_object_get(group, "tests"), j, test) {

            a = malloc(strlen(member(test, "msg")) / 2 + 1);
            b = malloc(strlen(member(test, "sig")) / 2 + 1);
            assert_true(a != NULL && b != NULL);

            message.data = a;
            message.len = unhex(member(test, "msg"), a);
            signature.data = b;
            signature.len = unhex(member(test, "sig"), b);

            valid = strcmp(member(test, "result"), "valid") == 0;

            rc = social_jwks_verify(jwks, &jwks->keys[0], message, signature);

            if (rc != (valid ? SOCIAL_OK : SOCIAL_DECLINED)) {
                wrong++;
                print_message("tcId %d, %s: %d\n", (int) json_integer_value(
                                  json_object_get(test, "tcId")),
                              member(test, "comment"), (int) rc);
            }

            cases++;
            known += valid;

            free(a);
            free(b);
        }

        social_jwks_free(jwks);
    }

    assert_int_equal(cases, json_integer_value(json_object_get(
                                file, "numberOfTests")));
    assert_true(known > 0);
    json_decref(file);

    assert_int_equal(wrong, 0);
}


static void
test_wycheproof_pkcs1_2048(void **state)
{
    (void) state;

    judge_pkcs1(VECTORS "wycheproof/rsa_signature_2048_sha256_test.json");
}


static void
test_wycheproof_pkcs1_3072(void **state)
{
    (void) state;

    judge_pkcs1(VECTORS "wycheproof/rsa_signature_3072_sha256_test.json");
}


static void
test_wycheproof_pkcs1_4096(void **state)
{
    (void) state;

    judge_pkcs1(VECTORS "wycheproof/rsa_signature_4096_sha256_test.json");
}


/*
 * The key and the token have no "kid", without which we take neither: one is
 * given to the key, and the signature is checked by itself.
 */

static void
test_rfc7515_a2(void **state)
{
    char            *token;
    size_t           len;
    json_t          *key;
    const char      *last;
    social_str_t     input, part, signature;
    social_jwk_t     jwk;
    unsigned char    buf[1024];
    const char      *why;
    social_jwks_t   *jwks;

    (void) state;

    key = load(DATA "rfc7515-a2.jwk");

    assert_int_equal(key_of(key, &jwk, &why), SOCIAL_DECLINED);
    assert_string_equal(why, "a key has no \"kid\" of 1 to 256 bytes");

    json_object_set_new(key, "kid", json_string("a2"));
    jwks = set_of(key);
    assert_non_null(jwks);

    token = (char *) social_unit_read(DATA "rfc7515-a2.jws", &len);
    assert_non_null(token);
    token[strcspn(token, "\r\n")] = '\0';

    last = strrchr(token, '.');
    assert_non_null(last);

    input.data = (unsigned char *) token;
    input.len = (size_t) (last - token);

    part = social_str(last + 1);
    assert_true(decodes(part, buf, &signature));
    assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0], input,
                                        signature), SOCIAL_OK);

    input.len--;
    assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0], input,
                                        signature), SOCIAL_DECLINED);

    assert_false(accepts(key, token));

    social_jwks_free(jwks);
    json_decref(key);
    free(token);
}


static void
test_rfc7517(void **state)
{
    json_t         *doc, *keys, *key;
    social_jwk_t    jwk;
    const char     *why;
    social_jwks_t  *jwks;

    (void) state;

    /* A.1: an EC key for encryption, and an RSA key for RS256 */

    doc = load(VECTORS "rfc7515/rfc7517_A.1.jwkset");
    jwks = set_of(doc);
    assert_non_null(jwks);
    assert_int_equal(jwks->count, 1);
    assert_int_equal(jwks->skipped, 1);
    assert_non_null(social_jwks_find(jwks, S("2011-04-29")));
    social_jwks_free(jwks);
    json_decref(doc);

    /* A.2: the same with private members, which are not looked at */

    doc = load(VECTORS "rfc7515/rfc7517_A.2.jwkset");
    jwks = set_of(doc);
    assert_non_null(jwks);
    assert_int_equal(jwks->count, 1);
    social_jwks_free(jwks);
    json_decref(doc);

    /* A.3: shared secrets */

    doc = load(VECTORS "rfc7515/rfc7517_A.3.jwkset");
    assert_null(set_of(doc));
    json_decref(doc);

    /* B: a key with a certificate, which is not looked at */

    key = load(VECTORS "rfc7515/rfc7517_B.jwk");
    assert_int_equal(key_of(key, &jwk, &why), SOCIAL_OK);
    assert_str(jwk.kid, "1b94c");
    social_jwk_free(&jwk);
    json_decref(key);

    /* RFC 7515, A.6: keys without a use, told apart by kid */

    keys = load(VECTORS "rfc7515/rfc7515_A.6.jwkset");
    jwks = set_of(keys);
    social_jwks_free(jwks);
    json_decref(keys);
}


static void
test_rfc7520(void **state)
{
    size_t       i;
    json_t      *doc, *key, *input, *compact;

    static const struct {
        const char  *file;
        bool         accepted;
    } cases[] = {
        { "4_1.rsa_v15_signature", true },
        { "4_2.rsa-pss_signature", false },
        { "4_3.ecdsa_signature", false },
        { "4_4.hmac-sha2_integrity_protection", false },
    };

    char  path[512];

    (void) state;

    key = load(VECTORS "cookbook/jwk/3_3.rsa_public_key.json");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(path, sizeof(path), VECTORS "cookbook/jws/%s.json",
                 cases[i].file);
        doc = load(path);

        input = json_object_get(doc, "input");
        compact = json_object_get(json_object_get(doc, "output"), "compact");
        assert_true(json_is_string(compact));

        assert_int_equal(accepts(json_object_get(input, "key"),
                                 json_string_value(compact)),
                         cases[i].accepted);
        assert_int_equal(accepts(key, json_string_value(compact)),
                         cases[i].accepted);
        json_decref(doc);
    }

    json_decref(key);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rfc7515_a2),
        cmocka_unit_test(test_rfc7517),
        cmocka_unit_test(test_rfc7520),
        cmocka_unit_test(test_wycheproof_signature),
        cmocka_unit_test(test_wycheproof_key),
        cmocka_unit_test(test_wycheproof_crypto),
        cmocka_unit_test(test_wycheproof_pkcs1_2048),
        cmocka_unit_test(test_wycheproof_pkcs1_3072),
        cmocka_unit_test(test_wycheproof_pkcs1_4096),
    };

    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
