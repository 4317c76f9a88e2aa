
/*
 * DPoP proofs: those of RFC 9449, and what may be wrong with one.
 */

#include <openssl/err.h>

#include "social_unit_dpop.h"
#include "social_dpop.h"
#include "social_nonce.h"


#define NOW    INT64_C(1562262618)
#define AGE    60
#define TOKEN  "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
#define JKT    "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
#define ATH    "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"

/* RFC 9449, 7.1 */
#define PROOF                                                                 \
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI" \
    "6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOV" \
    "ZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtM" \
    "jU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR" \
    "0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MT" \
    "U2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBc" \
    "WtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyV" \
    "nmcw6Fy1dqd-jfxSYoMxhAJpLjA"


static const social_str_t  origins[] = {
    social_string("https://api.example.com"),
    social_string("https://resource.example.org")
};

static social_jwks_t         *verifier;
static social_dpop_policy_t   policy;
static social_dpop_request_t  request;
static unsigned char          jkt[SOCIAL_THUMBPRINT_SIZE];
static int64_t                now;
static EVP_PKEY              *pkey, *other;
static char                  *jwk;              /* of "pkey" */
static unsigned char          own[SOCIAL_THUMBPRINT_SIZE];
static social_dpop_t          dpop;             /* what the last one said */
static char                   id[SOCIAL_DPOP_MAX_JTI + 1];


static social_dpop_status_e
check(const char *text)
{
    size_t                 size;
    social_str_t           proof;
    unsigned char         *buf, *copy;
    social_dpop_status_e   status;

    proof.len = strlen(text);

    /* of exactly that size, so that a byte read past its end is seen */

    copy = malloc(proof.len ? proof.len : 1);
    assert_non_null(copy);
    memcpy(copy, text, proof.len);
    proof.data = copy;

    size = social_dpop_room(proof.len, request.target.len);
    buf = malloc(size);
    assert_non_null(buf);

    status = social_dpop_check(proof, &policy, &request, now, verifier, buf,
                               &dpop);

    assert_int_equal(ERR_peek_error(), 0);
    assert_true(social_dpop_status_text(status).len > 10);

    if (status == SOCIAL_DPOP_OK) {
        assert_true(dpop.id.len <= SOCIAL_DPOP_MAX_JTI);
        assert_true(dpop.id.data >= buf
                    && dpop.id.data + dpop.id.len <= buf + proof.len);
        memcpy(id, dpop.id.data, dpop.id.len);
        id[dpop.id.len] = '\0';
    }

    dpop.id.data = NULL;

    free(buf);
    free(copy);

    return status;
}


static int
set_up(void **state)
{
    social_json_t  *json;

    (void) state;

    verifier = social_jwks_create();
    assert_non_null(verifier);

    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(pkey);
    assert_non_null(other);

    jwk = social_unit_curve_jwk(pkey, "P-256", "k", "");

    assert_int_equal(social_json_parse(social_str(jwk), &json), SOCIAL_OK);
    assert_int_equal(social_thumbprint(json, own), SOCIAL_OK);
    social_json_free(json);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;

    social_jwks_free(verifier);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(other);
    free(jwk);

    return 0;
}


static void
begin(void)
{
    memset(&policy, 0, sizeof(policy));
    memset(&request, 0, sizeof(request));

    policy.algorithms = social_algorithm_bit(SOCIAL_ALGORITHM_ES256);
    policy.origins = origins;
    policy.n_origins = 2;
    policy.max_age = AGE;

    request.method = S("GET");
    request.target = S("/protectedresource?a=b");
    request.token = S(TOKEN);
    request.jkt = own;

    now = NOW;
}


static void
test_rfc(void **state)
{
    char    *spoiled;
    size_t   i;

    (void) state;

    begin();
    assert_int_equal(social_thumbprint_read(S(JKT), jkt), SOCIAL_OK);
    request.jkt = jkt;

    assert_int_equal(check(PROOF), SOCIAL_DPOP_OK);
    assert_string_equal(id, "e1j3V_bKic8-LAEB");
    assert_int_equal(dpop.until, NOW + AGE);
    assert_false(dpop.renew);

    /* no character of it may be another one */

    for (i = 0; i < strlen(PROOF); i++) {
        spoiled = strdup(PROOF);
        assert_non_null(spoiled);
        spoiled[i] = spoiled[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(check(spoiled), SOCIAL_DPOP_OK);
        spoiled[i] = '\0';
        assert_int_not_equal(check(spoiled), SOCIAL_DPOP_OK);
        free(spoiled);
    }
}


/*
 * A proof by "pkey" of that header and payload, where "$J" is its JWK.
 */

static social_dpop_status_e
made_by(EVP_PKEY *key, const char *header, const char *payload)
{
    char                  *h, *proof;
    const char            *p;
    social_dpop_status_e   status;

    p = strstr(header, "$J");

    if (p != NULL) {
        assert_true(asprintf(&h, "%.*s%s%s", (int) (p - header), header, jwk,
                             p + 2) > 0);

    } else {
        h = strdup(header);
    }

    proof = social_unit_es256(key, h, payload);
    status = check(proof);

    free(proof);
    free(h);

    return status;
}


#define HEADER  "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":$J}"
#define URL     "https://resource.example.org/protectedresource"

#define JTI     "\"jti\":\"j1\","
#define HTM     "\"htm\":\"GET\","
#define HTU     "\"htu\":\"" URL "\","
#define IAT     "\"iat\":1562262618,"
#define ATH_    "\"ath\":\"" ATH "\""

#define PAYLOAD  "{" JTI HTM HTU IAT ATH_ "}"


static void
test_header(void **state)
{
    char    *header, *x, *y;
    size_t   i;

    static const struct {
        const char            *header;
        social_dpop_status_e   status;
    } cases[] = {
        { HEADER, SOCIAL_DPOP_OK },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"kid\":\"x\",\"jwk\":$J}",
          SOCIAL_DPOP_OK },

        { "{\"alg\":\"ES256\",\"jwk\":$J}", SOCIAL_DPOP_TYPE },
        { "{\"typ\":\"jwt\",\"alg\":\"ES256\",\"jwk\":$J}", SOCIAL_DPOP_TYPE },
        { "{\"typ\":\"DPOP+jwt\",\"alg\":\"ES256\",\"jwk\":$J}",
          SOCIAL_DPOP_TYPE },
        { "{\"typ\":\"application/dpop+jwt\",\"alg\":\"ES256\",\"jwk\":$J}",
          SOCIAL_DPOP_TYPE },
        { "{\"typ\":7,\"alg\":\"ES256\",\"jwk\":$J}", SOCIAL_DPOP_MALFORMED },

        { "{\"typ\":\"dpop+jwt\",\"alg\":\"none\",\"jwk\":$J}",
          SOCIAL_DPOP_ALGORITHM },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\",\"jwk\":$J}",
          SOCIAL_DPOP_ALGORITHM },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES384\",\"jwk\":$J}",
          SOCIAL_DPOP_ALGORITHM },
        { "{\"typ\":\"dpop+jwt\",\"jwk\":$J}", SOCIAL_DPOP_MALFORMED },

        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\"}", SOCIAL_DPOP_KEY },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":null}",
          SOCIAL_DPOP_KEY },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":\"x\"}",
          SOCIAL_DPOP_KEY },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":[$J]}",
          SOCIAL_DPOP_KEY },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\","
          "\"k\":\"AAAA\"}}", SOCIAL_DPOP_KEY },

        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"crit\":[\"x\"],"
          "\"jwk\":$J}", SOCIAL_DPOP_MALFORMED },
        { "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"b64\":true,\"jwk\":$J}",
          SOCIAL_DPOP_MALFORMED },
        { "{\"typ\":\"dpop+jwt\",\"typ\":\"dpop+jwt\",\"alg\":\"ES256\","
          "\"jwk\":$J}", SOCIAL_DPOP_MALFORMED },
    };

    (void) state;

    begin();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(made_by(pkey, cases[i].header, PAYLOAD),
                         cases[i].status);
    }

    /* a private key, of which the thumbprint is the same */

    x = strstr(jwk, "\"x\":");
    assert_non_null(x);
    y = strndup(x, strlen(x) - 1);

    for (i = 0; i < 3; i++) {
        static const char  *more[] = {
            ",\"d\":\"AAAA\"", ",\"use\":\"enc\"", ",\"alg\":\"ES384\""
        };

        assert_true(asprintf(&header, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\""
                             ",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",%s%s}"
                             "}", y, more[i]) > 0);
        assert_int_equal(made_by(pkey, header, PAYLOAD), SOCIAL_DPOP_KEY);
        free(header);
    }

    free(y);

    /* the algorithm of another key, where it is accepted */

    policy.algorithms = SOCIAL_ALGORITHMS_ALL;
    assert_int_equal(made_by(pkey, "{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\","
                             "\"jwk\":$J}", PAYLOAD), SOCIAL_DPOP_KEY);
}


static void
test_key(void **state)
{
    (void) state;

    begin();

    /* the key is right, who signed is not */

    assert_int_equal(made_by(other, HEADER, PAYLOAD), SOCIAL_DPOP_SIGNATURE);

    /* all is right, and the token is of another key */

    assert_int_equal(social_thumbprint_read(S(JKT), jkt), SOCIAL_OK);
    request.jkt = jkt;
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_BINDING);
}


static void
test_claims(void **state)
{
    char    *payload, long_id[SOCIAL_DPOP_MAX_JTI + 2];
    size_t   i;

    static const struct {
        const char            *payload;
        social_dpop_status_e   status;
    } cases[] = {
        { PAYLOAD, SOCIAL_DPOP_OK },
        { "{" JTI HTM HTU IAT "\"nonce\":\"any\"," ATH_ "}", SOCIAL_DPOP_OK },
        { "{" JTI HTM HTU IAT "\"nonce\":7," ATH_ "}", SOCIAL_DPOP_OK },

        { "{" HTM HTU IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTU IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU "\"iat\":1562262618}", SOCIAL_DPOP_CLAIMS },
        { "{\"jti\":\"\"," HTM HTU IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{\"jti\":7," HTM HTU IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI "\"htm\":[\"GET\"]," HTU IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM "\"htu\":null," IAT ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU "\"iat\":\"1562262618\"," ATH_ "}",
          SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU "\"iat\":-1," ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU IAT "\"ath\":7}", SOCIAL_DPOP_CLAIMS },

        { "{" JTI "\"htm\":\"POST\"," HTU IAT ATH_ "}", SOCIAL_DPOP_METHOD },
        { "{" JTI "\"htm\":\"get\"," HTU IAT ATH_ "}", SOCIAL_DPOP_METHOD },
        { "{" JTI "\"htm\":\"GETS\"," HTU IAT ATH_ "}", SOCIAL_DPOP_METHOD },

        { "{" JTI HTM HTU IAT "\"ath\":\"" JKT "\"}", SOCIAL_DPOP_TOKEN },
        { "{" JTI HTM HTU IAT "\"ath\":\"" ATH "=\"}", SOCIAL_DPOP_TOKEN },
        { "{" JTI HTM HTU IAT "\"ath\":\"x\"}", SOCIAL_DPOP_TOKEN },

        { "{" JTI HTM HTU IAT "\"exp\":1562262700," ATH_ "}", SOCIAL_DPOP_OK },
        { "{" JTI HTM HTU IAT "\"exp\":1562262559," ATH_ "}", SOCIAL_DPOP_OK },
        { "{" JTI HTM HTU IAT "\"exp\":1562262558," ATH_ "}",
          SOCIAL_DPOP_TIME },
        { "{" JTI HTM HTU IAT "\"exp\":\"x\"," ATH_ "}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI HTM HTU IAT "\"nbf\":1562262678," ATH_ "}", SOCIAL_DPOP_OK },
        { "{" JTI HTM HTU IAT "\"nbf\":1562262679," ATH_ "}",
          SOCIAL_DPOP_TIME },
        { "{" JTI HTM HTU IAT "\"nbf\":[]," ATH_ "}", SOCIAL_DPOP_CLAIMS },

        { "[]", SOCIAL_DPOP_MALFORMED },
        { "{}", SOCIAL_DPOP_CLAIMS },
        { "{" JTI JTI HTM HTU IAT ATH_ "}", SOCIAL_DPOP_MALFORMED },
    };

    (void) state;

    begin();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(made_by(pkey, HEADER, cases[i].payload),
                         cases[i].status);
    }

    /* the longest id, and one more */

    for (i = 0; i < 2; i++) {
        memset(long_id, 'j', sizeof(long_id));
        long_id[SOCIAL_DPOP_MAX_JTI + i] = '\0';

        assert_true(asprintf(&payload, "{\"jti\":\"%s\"," HTM HTU IAT ATH_ "}",
                             long_id) > 0);
        assert_int_equal(made_by(pkey, HEADER, payload),
                         i == 0 ? SOCIAL_DPOP_OK : SOCIAL_DPOP_CLAIMS);
        free(payload);
    }

    /* another token */

    request.token = S(TOKEN "x");
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_TOKEN);
}


static void
test_url(void **state)
{
    char    *payload;
    size_t   i;

    static const struct {
        social_str_t   target;
        const char    *htu;
        bool           ok;
    } cases[] = {
        { social_string("/protectedresource"), URL, true },
        { social_string("/protectedresource?a=b"), URL "?c=d#e", true },
        { social_string("/protectedresource"),
          "HTTPS://Resource.Example.ORG:443/protectedresource", true },
        { social_string("/protectedresource"),
          "https://api.example.com/protectedresource", true },
        { social_string("/"), "https://api.example.com", true },
        { social_string("/a%2fb"), "https://api.example.com/a%2Fb", true },
        { social_string("/%61/../b"), "https://api.example.com/b", true },

        { social_string("/protectedresource/"), URL, false },
        { social_string("/protectedresourc"), URL, false },
        { social_string("/Protectedresource"), URL, false },
        { social_string("/protectedresource"), URL "/", false },
        { social_string("/a/b"), "https://api.example.com/a%2Fb", false },
        { social_string("/protectedresource"),
          "http://resource.example.org/protectedresource", false },
        { social_string("/protectedresource"),
          "https://resource.example.org:8443/protectedresource", false },
        { social_string("/protectedresource"),
          "https://resource.example.org.evil.example/protectedresource",
          false },
        { social_string("/protectedresource"),
          "https://evil.example/protectedresource", false },
        { social_string("/protectedresource"),
          "https://apo.example.com/protectedresource", false },
        { social_string("/protectedresource"), "/protectedresource", false },
        { social_string("/protectedresource"),
          "https://u@resource.example.org/protectedresource", false },
        { social_string(""), URL, false },
        { social_string("*"), URL, false },
        { social_string("/%"), URL, false },
    };

    (void) state;

    begin();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        request.target = cases[i].target;

        assert_true(asprintf(&payload, "{" JTI HTM "\"htu\":\"%s\"," IAT ATH_
                             "}", cases[i].htu) > 0);
        assert_int_equal(made_by(pkey, HEADER, payload),
                         cases[i].ok ? SOCIAL_DPOP_OK : SOCIAL_DPOP_URL);
        free(payload);
    }

    policy.n_origins = 0;
    request.target = S("/protectedresource");
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_URL);
}


static void
test_time(void **state)
{
    (void) state;

    begin();

    now = NOW + AGE;
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_OK);
    assert_int_equal(dpop.until, NOW + AGE);

    now = NOW + AGE + 1;
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_TIME);

    now = NOW - AGE;
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_OK);
    assert_int_equal(dpop.until, NOW + AGE);

    now = NOW - AGE - 1;
    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_TIME);
}


static void
test_nonce(void **state)
{
    char           *payload;
    unsigned char   nonce[SOCIAL_NONCE_SIZE];

    (void) state;

    begin();
    policy.secrets[0] = S("a secret of nonces");

    assert_int_equal(made_by(pkey, HEADER, PAYLOAD), SOCIAL_DPOP_NONCE);
    assert_int_equal(made_by(pkey, HEADER, "{" JTI HTM HTU IAT
                             "\"nonce\":\"any\"," ATH_ "}"),
                     SOCIAL_DPOP_NONCE);
    assert_int_equal(made_by(pkey, HEADER, "{" JTI HTM HTU "\"nonce\":\"any\","
                             ATH_ "}"), SOCIAL_DPOP_CLAIMS);

    /* years after what the client's clock says */

    now = NOW + 1000000000;

    assert_int_equal(social_nonce_make(policy.secrets[0], now, nonce),
                     SOCIAL_OK);
    assert_true(asprintf(&payload, "{" JTI HTM HTU IAT "\"nonce\":\"%.*s\","
                         ATH_ "}", SOCIAL_NONCE_SIZE, nonce) > 0);

    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_OK);
    assert_int_equal(dpop.until, now + AGE);
    assert_false(dpop.renew);

    now += AGE / 2;
    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_OK);
    assert_false(dpop.renew);

    now += 1;
    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_OK);
    assert_true(dpop.renew);
    assert_int_equal(dpop.until, NOW + 1000000000 + AGE);

    now = NOW + 1000000000 + AGE + 1;
    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_NONCE);

    /* by the previous secret, too */

    now = NOW + 1000000000;
    policy.secrets[1] = policy.secrets[0];
    policy.secrets[0] = S("a new secret");
    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_OK);

    policy.secrets[1] = S("another");
    assert_int_equal(made_by(pkey, HEADER, payload), SOCIAL_DPOP_NONCE);

    free(payload);
}


static void
test_form(void **state)
{
    size_t              i;
    static const char  *cases[] = {
        "", ".", "..", "a.b.c", "e30.e30.e30", PROOF ".", PROOF "." PROOF,
        PROOF ", " PROOF, " " PROOF
    };

    (void) state;

    begin();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i]), SOCIAL_DPOP_MALFORMED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rfc),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_nonce),
        cmocka_unit_test(test_form),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
