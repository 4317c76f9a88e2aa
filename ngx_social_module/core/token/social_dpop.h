
/*
 * Proofs that who sends a token has the key that it is bound to (RFC 9449, 4).
 */

#ifndef SOCIAL_DPOP_H
#define SOCIAL_DPOP_H


#include "social_jwks.h"
#include "social_jwt.h"
#include "social_normal.h"
#include "social_thumbprint.h"


#define SOCIAL_DPOP_MAX_SIZE  SOCIAL_TOKEN_MAX_SIZE
#define SOCIAL_DPOP_MAX_JTI   256

/* room for a proof and a request's target of so many bytes */
#define social_dpop_room(proof, target)                                       \
    ((proof) + social_normal_size(proof) + social_normal_size(target))


typedef enum {
    SOCIAL_DPOP_OK = 0,

    /* the client's fault; the first two and the last are for the caller */
    SOCIAL_DPOP_NONE,
    SOCIAL_DPOP_SEVERAL,
    SOCIAL_DPOP_MALFORMED,
    SOCIAL_DPOP_TYPE,
    SOCIAL_DPOP_ALGORITHM,
    SOCIAL_DPOP_KEY,
    SOCIAL_DPOP_BINDING,           /* of a key that the token is not bound to */
    SOCIAL_DPOP_CLAIMS,
    SOCIAL_DPOP_METHOD,
    SOCIAL_DPOP_URL,
    SOCIAL_DPOP_TOKEN,             /* for another token */
    SOCIAL_DPOP_NONCE,             /* no nonce of ours, or an old one */
    SOCIAL_DPOP_TIME,
    SOCIAL_DPOP_SIGNATURE,
    SOCIAL_DPOP_USED,

    SOCIAL_DPOP_FAILED             /* out of memory, or OpenSSL */
} social_dpop_status_e;


/* what is accepted */

typedef struct {
    social_algorithms_t   algorithms;
    const social_str_t   *origins;       /* by social_normal_origin() */
    size_t                n_origins;
    int64_t               max_age;       /* seconds */
    social_str_t          secrets[2];    /* of nonces; none: no nonces */
} social_dpop_policy_t;


/* what a proof is to be for */

typedef struct {
    social_str_t          method;
    social_str_t          target;        /* as sent: a path, and what follows */
    social_str_t          token;
    const unsigned char  *jkt;           /* SOCIAL_THUMBPRINT_SIZE bytes */
} social_dpop_request_t;


/* what a good one says */

typedef struct {
    social_str_t          id;            /* in the caller's buffer */
    int64_t               until;         /* the last second it is good in */
    bool                  renew;         /* another nonce is due */
} social_dpop_t;


/*
 * Checks a proof at "now", seconds since the epoch, in this order: its form,
 * that it is of the key that the token is bound to, what it says, and its
 * signature, so that no one without a token and its key has us verify one
 * (RFC 9449, 4.3).  It must be within max_age of now, before or after; with
 * nonces it is the nonce that must be no older, whatever the client's clock
 * says.  "verifier" is of social_jwks_create(), and "buf" has room for
 * social_dpop_room() bytes.
 *
 * SOCIAL_DPOP_OK: it is good, unless its id was used before, which is for the
 * caller to find out.  Leaves nothing in OpenSSL's error queue.
 */
social_dpop_status_e social_dpop_check(social_str_t proof,
    const social_dpop_policy_t *policy, const social_dpop_request_t *request,
    int64_t now, social_jwks_t *verifier, unsigned char *buf,
    social_dpop_t *dpop);

/*
 * A sentence for the client and the log: plain ASCII without quotes.
 */
social_str_t social_dpop_status_text(social_dpop_status_e status);


#endif /* SOCIAL_DPOP_H */
