
/*
 * DPoP proofs, their URLs, and certificates as text.  An input that begins with
 * "{" is the plain text of header and payload, with a line feed between them,
 * and is made a proof here.  The token is bound to whatever key it has, so that
 * the fuzzer gets past that.
 */

#include "fuzz.h"
#include "social_confirmation.h"
#include "social_dpop.h"


#define NOW  1562262618


static void fuzz_proof(social_str_t proof);
static void fuzz_bound(social_str_t proof, unsigned char *jkt);
static void fuzz_url(social_str_t url);
static void fuzz_certificate(social_str_t text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t    text, part, proof;
    const uint8_t  *lf;
    unsigned char  *p, *buf;

    text = fuzz_copy(data, size);
    lf = size ? memchr(text.data, '\n', size) : NULL;

    fuzz_proof(text);
    fuzz_url(text);
    fuzz_certificate(text);

    if (size && data[0] == '{' && lf != NULL) {
        buf = malloc(size * 2 + 128);
        FUZZ_CHECK(buf != NULL);

        part.data = text.data;
        part.len = (size_t) (lf - text.data);
        p = fuzz_base64url(buf, part);
        *p++ = '.';

        part.data = lf + 1;
        part.len = size - part.len - 1;
        p = fuzz_base64url(p, part);
        *p++ = '.';

        memset(p, 'A', 86);       /* of 64 bytes, as of ES256 */

        proof = fuzz_copy(buf, (size_t) (p + 86 - buf));
        free(buf);

        fuzz_proof(proof);
        fuzz_free(proof);
    }

    fuzz_free(text);

    return 0;
}


static void
fuzz_proof(social_str_t proof)
{
    size_t                  i;
    social_dpop_t           dpop;
    unsigned char          *buf, jkt[SOCIAL_THUMBPRINT_SIZE];
    social_dpop_policy_t    policy;
    social_dpop_status_e    status;
    social_dpop_request_t   request;
    static social_jwks_t   *verifier;
    static social_str_t     origin = social_string("https://a.example");

    if (verifier == NULL) {
        verifier = social_jwks_create();
        FUZZ_CHECK(verifier != NULL);
    }

    fuzz_bound(proof, jkt);

    memset(&policy, 0, sizeof(policy));
    policy.algorithms = SOCIAL_ALGORITHMS_ALL;
    policy.origins = &origin;
    policy.n_origins = 1;
    policy.max_age = 60;

    request.method = social_str("GET");
    request.target = social_str("/a?b");
    request.token = social_str("token");
    request.jkt = jkt;

    for (i = 0; i < 2; i++) {

        buf = malloc(social_dpop_room(proof.len, request.target.len));
        FUZZ_CHECK(buf != NULL);

        status = social_dpop_check(proof, &policy, &request, NOW, verifier,
                                   buf, &dpop);

        /* no one signs here */

        FUZZ_CHECK(status != SOCIAL_DPOP_OK && status != SOCIAL_DPOP_NONE
                   && status != SOCIAL_DPOP_SEVERAL
                   && status != SOCIAL_DPOP_USED
                   && status != SOCIAL_DPOP_FAILED);
        FUZZ_CHECK(i == 1 || status != SOCIAL_DPOP_NONCE);

        fuzz_read(social_dpop_status_text(status));
        free(buf);

        policy.secrets[0] = social_str("secret");
    }
}


/*
 * The thumbprint of the key in the proof, if it has one.
 */

static void
fuzz_bound(social_str_t proof, unsigned char *jkt)
{
    social_jwt_t    jwt;
    unsigned char  *buf;

    memset(jkt, 0, SOCIAL_THUMBPRINT_SIZE);

    buf = malloc(proof.len ? proof.len : 1);
    FUZZ_CHECK(buf != NULL);

    if (social_jwt_parse_unissued(proof, buf, &jwt) == SOCIAL_TOKEN_OK) {
        (void) social_thumbprint(social_json_member(jwt.header,
                                                    social_str("jwk")), jkt);
    }

    social_jwt_free(&jwt);
    free(buf);
}


/*
 * What is in one spelling has no other one.
 */

static void
fuzz_url(social_str_t url)
{
    size_t          i, size;
    social_buf_t    b, c;
    social_str_t    made, again;
    unsigned char  *p, *q;

    size = social_normal_size(url.len);

    for (i = 0; i < 2; i++) {

        p = malloc(size);
        q = malloc(size);
        FUZZ_CHECK(p != NULL && q != NULL);

        social_buf_init(&b, p, size);
        social_buf_init(&c, q, size);

        if ((i ? social_normal_path(url, &b) : social_normal_url(url, &b))
            == SOCIAL_OK)
        {
            made = social_buf_since(&b, 0);

            FUZZ_CHECK((i ? social_normal_path(made, &c)
                          : social_normal_url(made, &c))
                       == SOCIAL_OK);

            again = social_buf_since(&c, 0);
            FUZZ_CHECK(social_str_eq(made, again));
            FUZZ_CHECK(memchr(made.data, '?', made.len) == NULL);
            FUZZ_CHECK(memchr(made.data, '#', made.len) == NULL);
        }

        free(p);
        free(q);
    }
}


static void
fuzz_certificate(social_str_t text)
{
    social_rc_e     rc;
    unsigned char  *buf, digest[SOCIAL_SHA256_SIZE];

    buf = malloc(text.len ? text.len : 1);
    FUZZ_CHECK(buf != NULL);

    rc = social_certificate_digest(text, buf, digest);
    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_MALFORMED);

    free(buf);
}
