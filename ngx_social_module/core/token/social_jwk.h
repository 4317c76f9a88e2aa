
/*
 * One JSON Web Key (RFC 7517, 4; RFC 7518, 6.2 and 6.3; RFC 8037, 2), made
 * ready for verifying.
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

/* what is verified in the time of a request: RSA up to so many bits */
#define SOCIAL_JWK_FAST_RSA_BITS    3072
#define SOCIAL_JWK_ED448_SIGNATURE  114     /* bytes: above it */

/* the coordinates of P-521 */
#define SOCIAL_JWK_MAX_EC_BYTES  66

/* SEQUENCE { r INTEGER, s INTEGER } with a length of two bytes */
#define SOCIAL_JWK_MAX_EC_DER    (3 + 2 * (2 + 1 + SOCIAL_JWK_MAX_EC_BYTES))


struct evp_md_ctx_st;
struct evp_pkey_st;
struct evp_pkey_ctx_st;


typedef struct {
    social_str_t              kid;          /* owned; may be empty */
    social_algorithms_t       algorithms;   /* those it verifies */
    size_t                    size;         /* of a signature of JWS, bytes */
    struct evp_pkey_st       *pkey;         /* owned */

    /* owned, set up once and reused: one for each algorithm with a hash */
    struct evp_pkey_ctx_st   *verifiers[SOCIAL_ALGORITHM_END];

    /* owned, reused: for the algorithms without one */
    struct evp_md_ctx_st     *verifier;
} social_jwk_t;


/*
 * Makes a key out of one element of a JWKS, for verifying by those of
 * "algorithms" that it can be used with: the one that its "alg" names, or,
 * without one, any of its type and curve.  SOCIAL_OK: the caller frees it with
 * social_jwk_free().
 *
 * SOCIAL_DECLINED: a proper key that is of no use to us (another type or
 * curve, another use, none of the algorithms, a kid that is empty or over
 * SOCIAL_JWK_MAX_KID bytes, or a private key: readers of the set could sign
 * with it); SOCIAL_MALFORMED: one that is not proper (members missing, of a
 * wrong type or length, or not base64url; an RSA key with fewer than 2048 or
 * more than 8192 bits, an even modulus or exponent, an exponent of 1 or over
 * 64 bits; a point that is not on its curve).  In both cases "why" says so in
 * words that hold nothing of the key; SOCIAL_FAILED: out of memory, or
 * OpenSSL.  May leave something in OpenSSL's error queue.
 */
social_rc_e social_jwk_parse(const social_json_t *json,
    social_algorithms_t algorithms, social_jwk_t *jwk, const char **why);

/*
 * Whether a check takes so long, about as long as a whole request or more, that
 * it is better done in a thread: P-384, P-521, Ed448, and RSA above
 * SOCIAL_JWK_FAST_RSA_BITS.
 */
bool social_jwk_is_slow(const social_jwk_t *jwk,
    social_algorithm_e algorithm);

/*
 * A copy of the key for another thread, for that one of its algorithms, without
 * a kid: the public key itself is shared, which OpenSSL counts.  It cannot
 * verify before social_jwk_ready().  SOCIAL_OK: the caller frees it with
 * social_jwk_free(); SOCIAL_DECLINED: the key is not for that algorithm;
 * SOCIAL_FAILED: OpenSSL failed.
 */
social_rc_e social_jwk_share(const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_jwk_t *copy);

/*
 * Sets up what a key verifies by its algorithms with: of a shared copy, in the
 * thread that has it.  SOCIAL_FAILED: out of memory, or OpenSSL; the key is
 * still to be freed.
 */
social_rc_e social_jwk_ready(social_jwk_t *jwk);

/*
 * Frees what the key owns, and clears it.
 */
void social_jwk_free(social_jwk_t *jwk);

/*
 * Turns a signature of JWS, r and s of half its length each (RFC 7518, 3.4),
 * into the DER that OpenSSL takes.  "len" is the key's size already, and "der"
 * has room for SOCIAL_JWK_MAX_EC_DER bytes, of which as many as are returned
 * are used; 0: r or s is not in 1 to n - 1, n being the order of the curve
 * (FIPS 186-5, 6.4.2).
 */
size_t social_jwk_ec_der(social_algorithm_e algorithm,
    social_str_t signature, unsigned char *der);


#endif /* SOCIAL_JWK_H */
