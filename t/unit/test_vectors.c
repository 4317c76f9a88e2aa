
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


/* what we verify otherwise than a vector's author, and why */

typedef struct {
    int          id;
    const char  *why;
} deviation_t;


#define HMAC      "HS*: a shared secret verifies nothing here"
#define OTHER     "by PS384, of a key whose \"alg\" is PS256 (RFC 8725, 3.1)"
#define TYPO      "the key's \"alg\" is \"ES521\", which is none"
#define JWE       "an encrypted token is none of ours"
#define SPELLING  HMAC ", and base64url has one spelling only"
#define ROCA      "how an issuer made its key is not looked into: sets come " \
                  "from issuers that the operator trusts"


static const deviation_t  signature_deviations[] = {
    { 1, HMAC },
    { 346, OTHER },
    { 347, TYPO },
    { 348, HMAC },
    { 350, OTHER },
    { 351, TYPO },
    { 352, HMAC },
    { 357, HMAC },
    { 358, HMAC },
    { 359, HMAC },
    { 372, SPELLING },
    { 373, SPELLING },
    { 376, HMAC },
    { 377, HMAC },
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


/*
 * The key, or each of the set's keys, without what is private: the vectors
 * show whole keys, which we refuse (test_jwk.c).
 */

static void
make_public(json_t *key)
{
    size_t   i;
    json_t  *one;

    static const char  *members[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth"
    };

    json_array_foreach(json_object_get(key, "keys"), i, one) {
        make_public(one);
    }

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_object_del(key, members[i]);
    }
}


static social_rc_e
parse_key(json_t *key, social_jwk_t *jwk, const char **why)
{
    char           *text;
    social_rc_e     rc;
    social_json_t  *json;

    text = json_dumps(key, 0);
    assert_non_null(text);
    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);
    free(text);

    rc = social_jwk_parse(json, SOCIAL_ALGORITHMS_ALL, jwk, why);

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

    rc = social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                           SOCIAL_JWKS_MAX_KEYS, &jwks, &why);
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
 * So the header is verified as part of a token with a payload of ours, and the
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
        jwk = social_jwks_find(jwks, jwt.kid, jwt.algorithm);

        input.data = (const unsigned char *) token;
        input.len = (size_t) (last - token);
        signature = jwt.signature;

        accepted = jwk != NULL
                   && social_jwks_verify(jwks, jwk, jwt.algorithm, input,
                                         signature)
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
 * Our verdict differs from the file's in the listed cases, all of them and
 * no other.
 */

static void
check_file(const char *path, const char *token_name,
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
            make_public(key);
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

    check_file(VECTORS "wycheproof/json_web_signature_test.json", "jws",
               signature_deviations);
}


static void
test_wycheproof_key(void **state)
{
    (void) state;

    check_file(VECTORS "wycheproof/json_web_key_test.json", "jws",
               key_deviations);
}


static void
test_wycheproof_crypto(void **state)
{
    (void) state;

    check_file(VECTORS "wycheproof/json_web_crypto_test.json", "jws",
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


/* some groups have an EC key as a point only: 0x04, x, y */

static json_t *
key_of(const json_t *point)
{
    char           *x, *y;
    size_t          size;
    json_t         *key;
    unsigned char   bytes[256];

    size = (unhex(member(point, "uncompressed"), bytes) - 1) / 2;

    x = social_unit_base64url(bytes + 1, size);
    y = social_unit_base64url(bytes + 1 + size, size);

    key = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kty", "EC", "kid", "k",
                    "crv", size == 32 ? "P-256" : size == 48 ? "P-384"
                                                             : "P-521",
                    "x", x, "y", y);
    assert_non_null(key);

    free(x);
    free(y);

    return key;
}


/*
 * A signature by itself.  "Acceptable", a DigestInfo without its NULL, is
 * refused: JWS has no use for what some cards of the nineties made.
 */

static void
check_signatures(const char *path, const char *key_name,
    social_algorithm_e algorithm)
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

        key = json_object_get(group, key_name);

        if (key != NULL) {
            json_incref(key);

        } else {
            key = key_of(json_object_get(group, "publicKey"));
        }

        jwks = set_of(key);
        json_decref(key);
        assert_non_null(jwks);
        assert_true(jwks->keys[0].algorithms
                    & social_algorithm_bit(algorithm));

        json_array_foreach(json_object_get(group, "tests"), j, test) {

            a = malloc(strlen(member(test, "msg")) / 2 + 1);
            b = malloc(strlen(member(test, "sig")) / 2 + 1);
            assert_true(a != NULL && b != NULL);

            message.data = a;
            message.len = unhex(member(test, "msg"), a);
            signature.data = b;
            signature.len = unhex(member(test, "sig"), b);

            valid = strcmp(member(test, "result"), "valid") == 0;

            rc = social_jwks_verify(jwks, &jwks->keys[0], algorithm, message,
                                    signature);

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


/* a separate test each, so that a missing file is skipped by its name */

typedef struct {
    const char          *path;
    const char          *key;
    social_algorithm_e   algorithm;
} signatures_t;


#define SIGNATURES(name, i)                                                   \
    { "test_wycheproof_" name, test_wycheproof_signatures, NULL, NULL,        \
      &signatures[i] }

static signatures_t  signatures[] = {
    { VECTORS "wycheproof/rsa_signature_2048_sha256_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS256 },
    { VECTORS "wycheproof/rsa_signature_3072_sha256_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS256 },
    { VECTORS "wycheproof/rsa_signature_4096_sha256_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS256 },
    { VECTORS "wycheproof/rsa_signature_2048_sha384_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS384 },
    { VECTORS "wycheproof/rsa_signature_2048_sha512_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS512 },
    { VECTORS "wycheproof/rsa_signature_4096_sha512_test.json",
      "keyJwk", SOCIAL_ALGORITHM_RS512 },
    { VECTORS "wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json",
      "publicKeyJwk", SOCIAL_ALGORITHM_PS256 },
    { VECTORS "wycheproof/ecdsa_secp256r1_sha256_p1363_test.json",
      "publicKeyJwk", SOCIAL_ALGORITHM_ES256 },
    { VECTORS "wycheproof/ecdsa_secp384r1_sha384_p1363_test.json",
      "publicKeyJwk", SOCIAL_ALGORITHM_ES384 },
    { VECTORS "wycheproof/ecdsa_secp521r1_sha512_p1363_test.json",
      "publicKeyJwk", SOCIAL_ALGORITHM_ES512 },
};


static void
test_wycheproof_signatures(void **state)
{
    const signatures_t  *file = *state;

    check_signatures(file->path, file->key, file->algorithm);
}


/*
 * The keys and the tokens have no "kid", without which we take neither: one
 * is given to the key, and the signature is checked by itself.
 */

static void
check_example(const char *key_path, const char *token_path,
    social_algorithm_e algorithm)
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
    unsigned         other;

    key = load(key_path);
    make_public(key);

    assert_int_equal(parse_key(key, &jwk, &why), SOCIAL_OK);
    assert_int_equal(jwk.kid.len, 0);
    social_jwk_free(&jwk);

    json_object_set_new(key, "kid", json_string("example"));
    jwks = set_of(key);
    assert_non_null(jwks);

    token = (char *) social_unit_read(token_path, &len);
    assert_non_null(token);
    token[strcspn(token, "\r\n")] = '\0';

    last = strrchr(token, '.');
    assert_non_null(last);

    input.data = (unsigned char *) token;
    input.len = (size_t) (last - token);

    part = social_str(last + 1);
    assert_true(decodes(part, buf, &signature));
    assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0], algorithm, input,
                                        signature), SOCIAL_OK);

    /* nothing but that algorithm; EdDSA goes by two names */

    for (other = SOCIAL_ALGORITHM_NONE; other < SOCIAL_ALGORITHM_END; other++)
    {
        if (other != algorithm
            && !(algorithm == SOCIAL_ALGORITHM_EDDSA
                 && other == SOCIAL_ALGORITHM_ED25519))
        {
            assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0],
                                                (social_algorithm_e) other,
                                                input, signature),
                             SOCIAL_DECLINED);
        }
    }

    input.len--;
    assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0], algorithm, input,
                                        signature), SOCIAL_DECLINED);

    /* the token has no kid, and the set one key */

    assert_true(accepts(key, token));

    social_jwks_free(jwks);
    json_decref(key);
    free(token);
}


static void
test_rfc7515(void **state)
{
    (void) state;

    check_example(DATA "rfc7515-a2.jwk", DATA "rfc7515-a2.jws",
                  SOCIAL_ALGORITHM_RS256);
    check_example(DATA "rfc7515-a3.jwk", DATA "rfc7515-a3.jws",
                  SOCIAL_ALGORITHM_ES256);
    check_example(DATA "rfc7515-a4.jwk", DATA "rfc7515-a4.jws",
                  SOCIAL_ALGORITHM_ES512);
}


static void
test_rfc8037(void **state)
{
    (void) state;

    check_example(DATA "rfc8037-a4.jwk", DATA "rfc8037-a4.jws",
                  SOCIAL_ALGORITHM_EDDSA);
}


/* A.1 is by a shared secret, and A.5 by nothing */

static void
test_rfc7515_refused(void **state)
{
    char    *token;
    size_t   i, len;
    json_t  *key;

    static const char  *tokens[] = {
        VECTORS "rfc7515/rfc7515_A.1.jwsc", VECTORS "rfc7515/rfc7515_A.5.jwsc"
    };

    (void) state;

    key = load(VECTORS "rfc7515/rfc7515_A.1.jwk");
    json_object_set_new(key, "kid", json_string("example"));
    assert_null(set_of(key));

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        token = (char *) social_unit_read(tokens[i], &len);
        assert_non_null(token);
        token[strcspn(token, "\r\n")] = '\0';
        assert_false(accepts(key, token));
        free(token);
    }

    json_decref(key);
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
    assert_non_null(social_jwks_find(jwks, S("2011-04-29"),
                                     SOCIAL_ALGORITHM_RS256));
    social_jwks_free(jwks);
    json_decref(doc);

    /* A.2: the same with private members, which we refuse */

    doc = load(VECTORS "rfc7515/rfc7517_A.2.jwkset");
    assert_null(set_of(doc));

    make_public(doc);
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
    assert_int_equal(parse_key(key, &jwk, &why), SOCIAL_OK);
    assert_str(jwk.kid, "1b94c");
    social_jwk_free(&jwk);
    json_decref(key);

    /* RFC 7515, A.6: keys without a use, distinguished by kid */

    keys = load(VECTORS "rfc7515/rfc7515_A.6.jwkset");
    jwks = set_of(keys);
    social_jwks_free(jwks);
    json_decref(keys);
}


static void
test_rfc7520(void **state)
{
    size_t       i;
    json_t      *doc, *key, *input, *compact, *signer;

    static const struct {
        const char  *file;
        const char  *key;
        bool         accepted;
    } cases[] = {
        { "4_1.rsa_v15_signature", "3_3.rsa_public_key", true },
        { "4_2.rsa-pss_signature", "3_3.rsa_public_key", true },
        { "4_3.ecdsa_signature", "3_1.ec_public_key", true },
        { "4_4.hmac-sha2_integrity_protection",
          "3_5.symmetric_key_mac_computation", false },
    };

    char  path[512];

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(path, sizeof(path), VECTORS "cookbook/jws/%s.json",
                 cases[i].file);
        doc = load(path);

        snprintf(path, sizeof(path), VECTORS "cookbook/jwk/%s.json",
                 cases[i].key);
        key = load(path);

        input = json_object_get(doc, "input");
        compact = json_object_get(json_object_get(doc, "output"), "compact");
        assert_true(json_is_string(compact));

        assert_int_equal(accepts(key, json_string_value(compact)),
                         cases[i].accepted);

        /* the key that signed, with and without what is private in it */

        signer = json_object_get(input, "key");
        assert_false(accepts(signer, json_string_value(compact)));

        make_public(signer);
        assert_int_equal(accepts(signer, json_string_value(compact)),
                         cases[i].accepted);

        json_decref(key);
        json_decref(doc);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rfc7515),
        cmocka_unit_test(test_rfc8037),
        cmocka_unit_test(test_rfc7515_refused),
        cmocka_unit_test(test_rfc7517),
        cmocka_unit_test(test_rfc7520),
        cmocka_unit_test(test_wycheproof_signature),
        cmocka_unit_test(test_wycheproof_key),
        cmocka_unit_test(test_wycheproof_crypto),
        SIGNATURES("rs256_2048", 0),
        SIGNATURES("rs256_3072", 1),
        SIGNATURES("rs256_4096", 2),
        SIGNATURES("rs384_2048", 3),
        SIGNATURES("rs512_2048", 4),
        SIGNATURES("rs512_4096", 5),
        SIGNATURES("ps256_2048", 6),
        SIGNATURES("es256", 7),
        SIGNATURES("es384", 8),
        SIGNATURES("es512", 9),
    };

    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
