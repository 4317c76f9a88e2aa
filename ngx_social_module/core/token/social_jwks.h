
/*
 * A set of keys (JWKS, RFC 7517, 5).
 */

#ifndef SOCIAL_JWKS_H
#define SOCIAL_JWKS_H


#include "social_jwk.h"


#define SOCIAL_JWKS_MAX_KEYS  1024


struct evp_md_ctx_st;
struct evp_md_st;


typedef struct {
    size_t                 count;
    social_jwk_t          *keys;        /* owned */

    /* owned, reused by every check */
    struct evp_md_ctx_st  *digest;
    struct evp_md_st      *hashes[SOCIAL_HASH_NONE];

    size_t                 skipped;     /* keys that are of no use to us */
    const char            *why;         /* of the first that was skipped */
} social_jwks_t;


/*
 * Parses a JWKS document, for verifying by "algorithms".  SOCIAL_OK: "jwks" is
 * owned by the caller, who frees it with social_jwks_free(); it has one usable
 * key at least.  Keys that are of no use are skipped and counted, those
 * that are for other algorithms only among them.  Of two with one kid each
 * verifies by algorithms that the one before it does not, as some issuers have
 * one kid for several "alg"; where none is left, it is skipped.
 * SOCIAL_DECLINED: a proper document with no usable key;
 * SOCIAL_MALFORMED: not a JWKS document, or with more than "max" usable keys,
 * which is SOCIAL_JWKS_MAX_KEYS at most; "why" says what was wrong in words
 * that hold nothing of the document.  SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_jwks_parse(social_str_t text,
    social_algorithms_t algorithms, size_t max, social_jwks_t **jwks,
    const char **why);

/*
 * Sets up what a set that was made otherwise hashes with.  SOCIAL_FAILED: out
 * of memory, or OpenSSL; what was made is freed with the set.
 */
social_rc_e social_jwks_ready(social_jwks_t *jwks);

/*
 * A set without keys, for verifying by keys that are of no set.  NULL: out of
 * memory, or OpenSSL failed.
 */
social_jwks_t *social_jwks_create(void);

/*
 * Frees the set; NULL is allowed.
 */
void social_jwks_free(social_jwks_t *jwks);

/*
 * The key of exactly that kid that verifies by "algorithm", owned by the set;
 * if it has none, one of that kid, or NULL.  For a token without a kid, which
 * is empty then: the only key that verifies by "algorithm", with a kid or
 * without, or NULL if there are several (OpenID Connect Core, 10.1).
 */
const social_jwk_t *social_jwks_find(const social_jwks_t *jwks,
    social_str_t kid, social_algorithm_e algorithm);

/*
 * Checks a signature over "input" by "jwk", which is of this set, and by
 * "algorithm", which the caller has found in jwk->algorithms and in those
 * accepted; with another one nothing verifies.  SOCIAL_OK: it is the key's;
 * SOCIAL_DECLINED: it is not; SOCIAL_FAILED: OpenSSL failed, for lack of
 * memory (for EdDSA it does not say so: that is declined).  Leaves nothing in
 * OpenSSL's error queue.  Not thread-safe.  (RFC 7518, 3.3 to
 * 3.5; RFC 8037, 3.1)
 */
social_rc_e social_jwks_verify(social_jwks_t *jwks, const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature);

/*
 * The same by a key that is of no set: one that somebody has sent with what it
 * is to verify.  SOCIAL_MALFORMED: social_jwk_parse() does not take it for this
 * algorithm.
 */
social_rc_e social_jwks_verify_by(social_jwks_t *jwks,
    const social_json_t *json, social_algorithm_e algorithm,
    social_str_t input, social_str_t signature);


#endif /* SOCIAL_JWKS_H */
