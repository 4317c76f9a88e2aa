
#include <openssl/pem.h>

#include "social_unit_key.h"
#include "social_jwks.h"
#include "social_jwt.h"

#if __has_include(<jwt.h>)
#include <jwt.h>
#define HAVE_LIBJWT  1
#endif


#define HEADER   "{\"alg\":\"RS256\",\"kid\":\"k\"}"
#define PAYLOAD  "{\"iss\":\"https://example.com\"}"


static social_token_status_e
outcome(social_str_t token)
{
    social_jwt_t            jwt;
    unsigned char          *buf;
    social_token_status_e   status;

    /* as much room as the contract asks for, and no more */

    buf = malloc(token.len ? token.len : 1);
    assert_non_null(buf);

    status = social_jwt_parse(token, buf, &jwt);

    if (status != SOCIAL_TOKEN_OK) {
        assert_null(jwt.header);
        assert_null(jwt.payload);
        assert_null(jwt.signature.data);
    }

    social_jwt_free(&jwt);
    assert_null(jwt.header);
    free(buf);

    return status;
}


static social_token_status_e
parts(const char *header, const char *payload)
{
    char                   *token;
    social_token_status_e   status;

    token = social_unit_token(NULL, header, payload);
    status = outcome(social_str(token));
    free(token);

    return status;
}


static void
test_ok(void **state)
{
    char           *token;
    social_jwt_t    jwt;
    unsigned char   buf[256];

    (void) state;

    token = social_unit_token(NULL, HEADER, PAYLOAD);

    assert_int_equal(social_jwt_parse(social_str(token), buf, &jwt),
                     SOCIAL_TOKEN_OK);
    assert_int_equal(jwt.algorithm, SOCIAL_ALGORITHM_RS256);
    assert_str(jwt.kid, "k");
    assert_str(jwt.issuer, "https://example.com");
    assert_str(jwt.signature, "sig");
    assert_ptr_equal(jwt.input.data, token);
    assert_int_equal(jwt.input.len, strrchr(token, '.') - token);
    assert_non_null(social_json_member(jwt.header, S("alg")));
    assert_non_null(social_json_member(jwt.payload, S("iss")));

    /* freed twice is freed once */

    social_jwt_free(&jwt);
    social_jwt_free(&jwt);
    free(token);
}


static void
test_unissued(void **state)
{
    char           *token;
    social_jwt_t    jwt;
    unsigned char   buf[256];

    (void) state;

    /* a token needs an issuer; what is none need not have one */

    token = social_unit_token(NULL, HEADER, "{\"iss\":7,\"jti\":\"a\"}");

    assert_int_equal(social_jwt_parse(social_str(token), buf, &jwt),
                     SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(social_jwt_parse_unissued(social_str(token), buf, &jwt),
                     SOCIAL_TOKEN_OK);
    assert_int_equal(jwt.issuer.len, 0);
    assert_str(jwt.signature, "sig");

    social_jwt_free(&jwt);
    free(token);
}


static void
test_parts(void **state)
{
    size_t  i;

    /* "e30" is {}, the first header is HEADER, the payload PAYLOAD */

#define H  "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ"
#define P  "eyJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0"

    static const struct {
        social_str_t            token;
        social_token_status_e   status;
    } cases[] = {
        { social_string(H "." P ".c2ln"), SOCIAL_TOKEN_OK },
        { { 0, NULL }, SOCIAL_TOKEN_MALFORMED },
        { social_string(""), SOCIAL_TOKEN_MALFORMED },
        { social_string("."), SOCIAL_TOKEN_MALFORMED },
        { social_string(".."), SOCIAL_TOKEN_MALFORMED },
        { social_string("..."), SOCIAL_TOKEN_MALFORMED },
        { social_string(H), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P "."), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "..c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string("." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln."), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln.c2ln.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string("." H "." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H ".." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(" " H "." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln "), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln\n"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln\0"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln\r\n"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2l\x7f"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2\xc3\xa9"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ",.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln,c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln, Bearer c2ln"),
          SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2ln c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P "\t.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "==." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P "=.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2lnAA=="), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2l/"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2lnB"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H "." P ".c2lnAB"), SOCIAL_TOKEN_MALFORMED },
        { social_string("e30." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H ".e30.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string("W10." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H ".W10.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string(H ".Zm9v.c2ln"), SOCIAL_TOKEN_MALFORMED },
        { social_string("Zm9v." P ".c2ln"), SOCIAL_TOKEN_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(outcome(cases[i].token), cases[i].status);
    }

#undef H
#undef P
}


static void
test_type(void **state)
{
    size_t  i;

    static const struct {
        const char  *type;
        const char  *expected;
        bool         accepted;
    } cases[] = {
        { "", "", true },
        { "JWT", "", true },
        { "jwt", "", true },
        { "application/jwt", "", true },
        { "at+jwt", "", true },
        { "application/AT+JWT", "", true },
        { "JOSE", "", true },
        { "logout+jwt", "", false },
        { "secevent+jwt", "", false },
        { "rt+jwt", "", false },
        { "dpop+jwt", "", false },
        { "application/logout+jwt", "", false },
        { "passport", "", false },
        { "jw", "", false },
        { "application/", "", false },
        { "text/jwt", "", false },

        { "at+jwt", "at+jwt", true },
        { "AT+JWT", "application/at+jwt", true },
        { "application/at+jwt", "at+jwt", true },
        { "", "at+jwt", false },
        { "JWT", "at+jwt", false },
        { "at+jw", "at+jwt", false },
        { "logout+jwt", "logout+jwt", true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(social_jwt_type_accepted(social_str(cases[i].type),
                                             social_str(cases[i].expected)),
                         cases[i].accepted);
    }
}


static void
test_header(void **state)
{
    size_t  i;

    static const struct {
        const char             *header;
        social_token_status_e   status;
    } cases[] = {
        { HEADER, SOCIAL_TOKEN_OK },
        { "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k\"}",
          SOCIAL_TOKEN_OK },
        { "{\"alg\":\"none\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"None\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"HS256\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"rs256\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"RS256 \",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"HS384\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"HS512\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"RS1\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"ES256K\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"eddsa\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"ED25519\",\"kid\":\"k\"}", SOCIAL_TOKEN_ALGORITHM },
        { "{\"alg\":\"RS384\",\"kid\":\"k\"}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"PS256\",\"kid\":\"k\"}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"ES512\",\"kid\":\"k\"}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"EdDSA\",\"kid\":\"k\"}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"Ed448\",\"kid\":\"k\"}", SOCIAL_TOKEN_OK },

        { "{\"kid\":\"k\"}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":1,\"kid\":\"k\"}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":null,\"kid\":\"k\"}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":[\"RS256\"],\"kid\":\"k\"}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\"}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"RS256\",\"kid\":1}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"\"}", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":null}", SOCIAL_TOKEN_OK },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":null}",
          SOCIAL_TOKEN_OK },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":1}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":[\"JWT\"]}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"k\"}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"kid\":\"k\"}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":[\"exp\"]}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":[]}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":null}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"b64\":true}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"b64\":false}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\",\"zip\":\"DEF\"}",
          SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"none\",\"kid\":\"k\",\"crit\":[\"x\"]}",
          SOCIAL_TOKEN_MALFORMED },
        { "", SOCIAL_TOKEN_MALFORMED },
        { "{\"alg\":\"RS256\",\"kid\":\"k\"} x", SOCIAL_TOKEN_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parts(cases[i].header, PAYLOAD), cases[i].status);
    }
}


static void
test_payload(void **state)
{
    (void) state;

    assert_int_equal(parts(HEADER, "{\"iss\":\"\"}"), SOCIAL_TOKEN_OK);
    assert_int_equal(parts(HEADER, "{}"), SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":1}"), SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":null}"), SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":[\"x\"]}"),
                     SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":\"a\",\"iss\":\"b\"}"),
                     SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":\"a\",\"x\":\"\\u0000\"}"),
                     SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(parts(HEADER, "{\"iss\":\"a\",\"x\":[[[[[[[[[[[[[[[[[["
                                   "]]]]]]]]]]]]]]]]]]}"),
                     SOCIAL_TOKEN_MALFORMED);
}


static void
test_size(void **state)
{
    char          *token, *long_token;
    size_t         len;
    social_str_t   s;

    (void) state;

    token = social_unit_token(NULL, "{\"alg\":\"RS256\",\"kid\":\"kid\"}",
                              PAYLOAD);
    len = strlen(token);

    long_token = malloc(SOCIAL_TOKEN_MAX_SIZE + 1);
    assert_non_null(long_token);

    memset(long_token, 'A', SOCIAL_TOKEN_MAX_SIZE + 1);
    memcpy(long_token, token, len);

    s.data = (unsigned char *) long_token;

    s.len = SOCIAL_TOKEN_MAX_SIZE;
    assert_int_not_equal((s.len - (size_t) (strrchr(token, '.') + 1 - token))
                         % 4, 1);
    assert_int_equal(outcome(s), SOCIAL_TOKEN_OK);

    s.len = SOCIAL_TOKEN_MAX_SIZE + 1;
    assert_int_equal(outcome(s), SOCIAL_TOKEN_TOO_LARGE);

    /* no beginning of a token is one, but where the signature is shorter */

    for (s.len = 0; s.len < len - 4; s.len++) {
        s.data = (unsigned char *) token;
        assert_int_equal(outcome(s), SOCIAL_TOKEN_MALFORMED);
    }

    free(token);
    free(long_token);
}


#ifdef HAVE_LIBJWT

static char *
pem_of(EVP_PKEY *pkey, bool private)
{
    BIO   *bio;
    char  *p, *text;
    long   len;

    bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);

    assert_int_equal(private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL,
                                                        0, NULL, NULL)
                             : PEM_write_bio_PUBKEY(bio, pkey), 1);

    len = BIO_get_mem_data(bio, &p);
    text = calloc(1, (size_t) len + 1);
    assert_non_null(text);
    memcpy(text, p, (size_t) len);
    BIO_free(bio);

    return text;
}


/*
 * A second opinion: what libjwt signs we verify, what we hold to be a good
 * token libjwt does as well, and neither takes a changed one.
 */

static void
test_libjwt(void **state)
{
    char           *token, *pem, *jwk, *text;
    size_t          i, len, start;
    jwt_t          *theirs;
    EVP_PKEY       *key;
    const char     *why;
    social_jwt_t    jwt;
    unsigned char   buf[SOCIAL_TOKEN_MAX_SIZE];
    social_jwks_t  *jwks;

    (void) state;

    key = social_unit_key(2048);

    jwk = social_unit_jwk(key, "k", "");
    assert_true(asprintf(&text, "{\"keys\":[%s]}", jwk) > 0);
    assert_int_equal(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                                       SOCIAL_JWKS_MAX_KEYS, &jwks, &why),
                     SOCIAL_OK);

    /* theirs, verified by us */

    pem = pem_of(key, true);

    assert_int_equal(jwt_new(&theirs), 0);
    assert_int_equal(jwt_add_grant(theirs, "iss", "https://example.com"), 0);
    assert_int_equal(jwt_add_grant_int(theirs, "exp", 1700000000), 0);
    assert_int_equal(jwt_add_grants_json(theirs,
                                         "{\"cognito:groups\":[\"a\"]}"), 0);
    assert_int_equal(jwt_add_header(theirs, "kid", "k"), 0);
    assert_int_equal(jwt_set_alg(theirs, JWT_ALG_RS256,
                                 (unsigned char *) pem, (int) strlen(pem)),
                     0);
    token = jwt_encode_str(theirs);
    assert_non_null(token);
    jwt_free(theirs);
    free(pem);

    assert_int_equal(social_jwt_parse(social_str(token), buf, &jwt),
                     SOCIAL_TOKEN_OK);
    assert_str(jwt.kid, "k");
    assert_str(jwt.issuer, "https://example.com");
    assert_int_equal(social_jwks_verify(jwks, social_jwks_find(jwks, jwt.kid,
                                                            jwt.algorithm),
                                        jwt.algorithm, jwt.input,
                                        jwt.signature), SOCIAL_OK);
    social_jwt_free(&jwt);

    /* each character changed in turn: refused at one stage or another */

    len = strlen(token);

    for (i = 0; i < len; i++) {
        token[i] ^= 1;

        if (social_jwt_parse(social_str(token), buf, &jwt)
            == SOCIAL_TOKEN_OK)
        {
            if (social_str_eq(jwt.kid, S("k"))) {
                assert_int_equal(social_jwks_verify(jwks, &jwks->keys[0],
                                                    jwt.algorithm, jwt.input,
                                                    jwt.signature),
                                 SOCIAL_DECLINED);
            }

            social_jwt_free(&jwt);
        }

        token[i] ^= 1;
    }

    free(token);

    /* ours, verified by them */

    pem = pem_of(key, false);
    token = social_unit_token(key, HEADER, PAYLOAD);

    assert_int_equal(jwt_decode(&theirs, token, (unsigned char *) pem,
                                (int) strlen(pem)), 0);
    assert_string_equal(jwt_get_grant(theirs, "iss"), "https://example.com");
    jwt_free(theirs);

    start = (size_t) (strchr(token, '.') - token);
    token[start + 3] ^= 1;
    assert_int_not_equal(jwt_decode(&theirs, token, (unsigned char *) pem,
                                    (int) strlen(pem)), 0);

    free(token);
    free(pem);
    free(jwk);
    free(text);
    social_jwks_free(jwks);
    EVP_PKEY_free(key);
}

#endif


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ok),
        cmocka_unit_test(test_unissued),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_payload),
        cmocka_unit_test(test_size),
#ifdef HAVE_LIBJWT
        cmocka_unit_test(test_libjwt),
#endif
    };

    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
