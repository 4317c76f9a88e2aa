
/*
 * The check of one signature, apart from the set that its key is of: for a
 * thread, while the set is used, replaced or freed elsewhere.
 */

#ifndef SOCIAL_JWK_CHECK_H
#define SOCIAL_JWK_CHECK_H


#include "social_jwks.h"


typedef struct social_jwk_check_s  social_jwk_check_t;


/*
 * Copies all that a check by "jwk" and one of its algorithms needs; the public
 * key is shared, which OpenSSL counts.  NULL: out of memory, or the key is not
 * for that algorithm.  The caller frees it with social_jwk_check_free().
 */
social_jwk_check_t *social_jwk_check_create(const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature);

/*
 * Checks it, as social_jwks_verify() does, and returns what that returns.  To
 * be called once, by any thread, which leaves nothing in that thread's error
 * queue of OpenSSL.
 */
social_rc_e social_jwk_check_run(social_jwk_check_t *check);

/*
 * Frees the check; NULL is allowed.
 */
void social_jwk_check_free(social_jwk_check_t *check);


#endif /* SOCIAL_JWK_CHECK_H */
