
/*
 * One JSON Web Key (RFC 7517, 4; RFC 7518, 6.3), made ready for verifying.
 */

#ifndef SOCIAL_JWK_H
#define SOCIAL_JWK_H


#include "social_algorithm.h"
#include "social_json.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_JWK_MIN_RSA_BITS  2048
#define SOCIAL_JWK_MAX_RSA_BITS  8192     /* verifying costs with its square */
#define SOCIAL_JWK_MAX_KID       256


struct evp_pkey_st;
struct evp_pkey_ctx_st;


typedef struct {
    social_str_t              kid;        /* owned */
    social_algorithm_e        algorithm;
    struct evp_pkey_st       *pkey;       /* owned */
    struct evp_pkey_ctx_st   *verifier;   /* owned, set up once, reused */
} social_jwk_t;


/*
 * Makes a key out of one element of a JWKS.  SOCIAL_OK: the caller frees it
 * with social_jwk_free().  SOCIAL_DECLINED: a proper key that is of no use to
 * us (another type, another use, another algorithm, no kid, or one over
 * SOCIAL_JWK_MAX_KID bytes); SOCIAL_MALFORMED: one that is not proper (members
 * missing, of a wrong type, or not base64url, fewer than 2048 or more than
 * 8192 bits, an even modulus or exponent, an exponent of 1 or over 64 bits).
 * In both cases "why" says so in words that hold nothing of the key;
 * SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_jwk_parse(const social_json_t *json, social_jwk_t *jwk,
    const char **why);

/*
 * Frees what the key owns, and clears it.
 */
void social_jwk_free(social_jwk_t *jwk);


#endif /* SOCIAL_JWK_H */
