
/*
 * Proofs that who sends a token has the key that it is bound to.
 */

#include <string.h>

#include "social_dpop.h"
#include "social_nonce.h"


static social_dpop_status_e social_dpop_header(const social_jwt_t *jwt,
    const social_dpop_policy_t *policy, const social_dpop_request_t *request,
    const social_json_t **jwk);
static social_dpop_status_e social_dpop_claims(const social_jwt_t *jwt,
    const social_dpop_policy_t *policy, const social_dpop_request_t *request,
    int64_t now, unsigned char *buf, size_t size, social_dpop_t *dpop);
static bool social_dpop_string(const social_json_t *payload, const char *name,
    social_str_t *value);
static bool social_dpop_is_url(social_str_t htu,
    const social_dpop_policy_t *policy, social_str_t target,
    unsigned char *buf, size_t size);
static social_dpop_status_e social_dpop_token(social_str_t ath,
    social_str_t token);
static social_dpop_status_e social_dpop_time(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now, social_dpop_t *dpop);
static social_dpop_status_e social_dpop_nonce(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now, social_dpop_t *dpop);
static social_dpop_status_e social_dpop_validity(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now);
static social_dpop_status_e social_dpop_signature(const social_jwt_t *jwt,
    const social_json_t *jwk, social_jwks_t *verifier);


static const social_str_t  social_dpop_texts[] = {

    [SOCIAL_DPOP_OK] = social_string("the DPoP proof is valid"),
    [SOCIAL_DPOP_NONE] = social_string("there is no DPoP proof"),
    [SOCIAL_DPOP_SEVERAL] =
        social_string("there is more than one DPoP proof"),
    [SOCIAL_DPOP_MALFORMED] = social_string("the DPoP proof is malformed"),
    [SOCIAL_DPOP_TYPE] =
        social_string("the type of the DPoP proof is not dpop+jwt"),
    [SOCIAL_DPOP_ALGORITHM] =
        social_string("the algorithm of the DPoP proof is not accepted"),
    [SOCIAL_DPOP_KEY] =
        social_string("the DPoP proof has no public key of its algorithm"),
    [SOCIAL_DPOP_BINDING] =
        social_string("the token is not bound to the key of the DPoP proof"),
    [SOCIAL_DPOP_CLAIMS] =
        social_string("the DPoP proof lacks a claim or one is of a wrong "
                      "type"),
    [SOCIAL_DPOP_METHOD] =
        social_string("the DPoP proof is for another method"),
    [SOCIAL_DPOP_URL] = social_string("the DPoP proof is for another URL"),
    [SOCIAL_DPOP_TOKEN] =
        social_string("the DPoP proof is for another token"),
    [SOCIAL_DPOP_NONCE] =
        social_string("the DPoP proof must have the nonce of DPoP-Nonce"),
    [SOCIAL_DPOP_TIME] =
        social_string("the DPoP proof was not made just now"),
    [SOCIAL_DPOP_SIGNATURE] =
        social_string("the signature of the DPoP proof is invalid"),
    [SOCIAL_DPOP_USED] =
        social_string("the DPoP proof was used before"),
    [SOCIAL_DPOP_FAILED] =
        social_string("the DPoP proof could not be verified")
};


social_dpop_status_e
social_dpop_check(social_str_t proof, const social_dpop_policy_t *policy,
    const social_dpop_request_t *request, int64_t now, social_jwks_t *verifier,
    unsigned char *buf, social_dpop_t *dpop)
{
    size_t                size;
    social_jwt_t          jwt;
    const social_json_t  *jwk;
    social_dpop_status_e  status;

    memset(dpop, 0, sizeof(social_dpop_t));

    switch (social_jwt_parse_unissued(proof, buf, &jwt)) {

    case SOCIAL_TOKEN_OK:
        break;

    case SOCIAL_TOKEN_ALGORITHM:
        return SOCIAL_DPOP_ALGORITHM;

    case SOCIAL_TOKEN_FAILED:
        return SOCIAL_DPOP_FAILED;

    default:
        return SOCIAL_DPOP_MALFORMED;
    }

    size = social_dpop_room(proof.len, request->target.len) - proof.len;

    status = social_dpop_header(&jwt, policy, request, &jwk);

    if (status == SOCIAL_DPOP_OK) {
        status = social_dpop_claims(&jwt, policy, request, now,
                                    buf + proof.len, size, dpop);
    }

    if (status == SOCIAL_DPOP_OK) {
        status = social_dpop_signature(&jwt, jwk, verifier);
    }

    social_jwt_free(&jwt);

    return status;
}


social_str_t
social_dpop_status_text(social_dpop_status_e status)
{
    return social_dpop_texts[status];
}


/*
 * RFC 9449, 4.2.  "kid" and other members are of no meaning here.
 */

static social_dpop_status_e
social_dpop_header(const social_jwt_t *jwt, const social_dpop_policy_t *policy,
    const social_dpop_request_t *request, const social_json_t **jwk)
{
    unsigned char              thumbprint[SOCIAL_THUMBPRINT_SIZE];
    static const social_str_t  type = social_string("dpop+jwt");
    static const social_str_t  jwk_name = social_string("jwk");

    if (!social_str_eq(jwt->type, type)) {
        return SOCIAL_DPOP_TYPE;
    }

    if ((policy->algorithms & social_algorithm_bit(jwt->algorithm)) == 0) {
        return SOCIAL_DPOP_ALGORITHM;
    }

    *jwk = social_json_member(jwt->header, jwk_name);

    if (!social_json_is_object(*jwk)) {
        return SOCIAL_DPOP_KEY;
    }

    switch (social_thumbprint(*jwk, thumbprint)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        return SOCIAL_DPOP_FAILED;

    default:
        return SOCIAL_DPOP_KEY;
    }

    return memcmp(thumbprint, request->jkt, SOCIAL_THUMBPRINT_SIZE) == 0
           ? SOCIAL_DPOP_OK : SOCIAL_DPOP_BINDING;
}


static social_dpop_status_e
social_dpop_claims(const social_jwt_t *jwt, const social_dpop_policy_t *policy,
    const social_dpop_request_t *request, int64_t now, unsigned char *buf,
    size_t size, social_dpop_t *dpop)
{
    social_str_t          htm, htu, ath;
    social_dpop_status_e  status;

    if (!social_dpop_string(jwt->payload, "jti", &dpop->id)
        || dpop->id.len > SOCIAL_DPOP_MAX_JTI
        || !social_dpop_string(jwt->payload, "htm", &htm)
        || !social_dpop_string(jwt->payload, "htu", &htu)
        || !social_dpop_string(jwt->payload, "ath", &ath))
    {
        return SOCIAL_DPOP_CLAIMS;
    }

    if (!social_str_eq(htm, request->method)) {
        return SOCIAL_DPOP_METHOD;
    }

    if (!social_dpop_is_url(htu, policy, request->target, buf, size)) {
        return SOCIAL_DPOP_URL;
    }

    status = social_dpop_token(ath, request->token);

    if (status == SOCIAL_DPOP_OK) {
        status = social_dpop_time(jwt->payload, policy, now, dpop);
    }

    return status;
}


/*
 * False: it is not there, empty, or not a string.
 */

static bool
social_dpop_string(const social_json_t *payload, const char *name,
    social_str_t *value)
{
    return social_json_string(social_json_member(payload, social_str(name)),
                              value)
           == SOCIAL_OK
           && value->len != 0;
}


/*
 * By the origins that clients use, not by what the request says of itself: a
 * proof for another host, sent on to us, would be for that one.
 */

static bool
social_dpop_is_url(social_str_t htu, const social_dpop_policy_t *policy,
    social_str_t target, unsigned char *buf, size_t size)
{
    size_t        i;
    social_str_t  theirs, path;
    social_buf_t  b;

    social_buf_init(&b, buf, size);

    if (social_normal_url(htu, &b) != SOCIAL_OK) {
        return false;
    }

    theirs = social_buf_since(&b, 0);

    if (social_normal_path(target, &b) != SOCIAL_OK) {
        return false;
    }

    path = social_buf_since(&b, theirs.len);

    for (i = 0; i < policy->n_origins; i++) {

        if (theirs.len == policy->origins[i].len + path.len
            && social_str_starts(theirs, policy->origins[i])
            && memcmp(theirs.data + policy->origins[i].len, path.data,
                      path.len)
               == 0)
        {
            return true;
        }
    }

    return false;
}


static social_dpop_status_e
social_dpop_token(social_str_t ath, social_str_t token)
{
    unsigned char  wanted[SOCIAL_SHA256_SIZE], found[SOCIAL_SHA256_SIZE];

    if (social_thumbprint_read(ath, found) != SOCIAL_OK) {
        return SOCIAL_DPOP_TOKEN;
    }

    if (social_sha256(token, wanted) != SOCIAL_OK) {
        return SOCIAL_DPOP_FAILED;
    }

    return memcmp(wanted, found, SOCIAL_SHA256_SIZE) == 0
           ? SOCIAL_DPOP_OK : SOCIAL_DPOP_TOKEN;
}


/*
 * Times are in [0, 2^53] and max_age is small: no sum overflows.
 */

static social_dpop_status_e
social_dpop_time(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now, social_dpop_t *dpop)
{
    int64_t                    iat;
    social_dpop_status_e       status;
    static const social_str_t  name = social_string("iat");

    if (social_json_time(social_json_member(payload, name), &iat)
        != SOCIAL_OK)
    {
        return SOCIAL_DPOP_CLAIMS;
    }

    if (policy->secrets[0].len) {

        status = social_dpop_nonce(payload, policy, now, dpop);
        if (status != SOCIAL_DPOP_OK) {
            return status;
        }

    } else {

        if (now > iat + policy->max_age || iat > now + policy->max_age) {
            return SOCIAL_DPOP_TIME;
        }

        dpop->until = iat + policy->max_age;
    }

    return social_dpop_validity(payload, policy, now);
}


/*
 * The time of a nonce is ours, and counts instead of the client's (RFC 9449,
 * 4.3, step 11).  In the second half of its life the client gets another one.
 */

static social_dpop_status_e
social_dpop_nonce(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now, social_dpop_t *dpop)
{
    int64_t       made;
    social_str_t  nonce;

    if (!social_dpop_string(payload, "nonce", &nonce)) {
        return SOCIAL_DPOP_NONCE;
    }

    switch (social_nonce_check(nonce, policy->secrets, now, policy->max_age,
                               &made))
    {
    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        return SOCIAL_DPOP_FAILED;

    default:
        return SOCIAL_DPOP_NONCE;
    }

    dpop->until = made + policy->max_age;
    dpop->renew = now > made + policy->max_age / 2;

    return SOCIAL_DPOP_OK;
}


/*
 * A proof need not have them, but what it says of its end holds (RFC 7519,
 * 4.1.4 and 4.1.5).
 */

static social_dpop_status_e
social_dpop_validity(const social_json_t *payload,
    const social_dpop_policy_t *policy, int64_t now)
{
    int64_t                    time;
    social_rc_e                rc;
    static const social_str_t  exp = social_string("exp");
    static const social_str_t  nbf = social_string("nbf");

    rc = social_json_time(social_json_member(payload, exp), &time);

    if (rc == SOCIAL_MALFORMED) {
        return SOCIAL_DPOP_CLAIMS;
    }

    if (rc == SOCIAL_OK && now >= time + policy->max_age) {
        return SOCIAL_DPOP_TIME;
    }

    rc = social_json_time(social_json_member(payload, nbf), &time);

    if (rc == SOCIAL_MALFORMED) {
        return SOCIAL_DPOP_CLAIMS;
    }

    if (rc == SOCIAL_OK && now + policy->max_age < time) {
        return SOCIAL_DPOP_TIME;
    }

    return SOCIAL_DPOP_OK;
}


/*
 * The key is the client's own, and says nothing but that the signature is by
 * who had the token bound.
 */

static social_dpop_status_e
social_dpop_signature(const social_jwt_t *jwt, const social_json_t *jwk,
    social_jwks_t *verifier)
{
    switch (social_jwks_verify_by(verifier, jwk, jwt->algorithm, jwt->input,
                                  jwt->signature))
    {
    case SOCIAL_OK:
        return SOCIAL_DPOP_OK;

    case SOCIAL_DECLINED:
        return SOCIAL_DPOP_SIGNATURE;

    case SOCIAL_MALFORMED:
        return SOCIAL_DPOP_KEY;

    default:
        return SOCIAL_DPOP_FAILED;
    }
}
