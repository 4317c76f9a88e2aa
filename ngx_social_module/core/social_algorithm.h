
/*
 * The signature algorithms that we verify (RFC 7518, 3).  "none" and the HMAC
 * family are not among them and cannot be configured: a public key must
 * never be taken for a shared secret.
 */

#ifndef SOCIAL_ALGORITHM_H
#define SOCIAL_ALGORITHM_H


#include "social_str.h"


typedef enum {
    SOCIAL_ALGORITHM_NONE = 0,
    SOCIAL_ALGORITHM_RS256
} social_algorithm_e;


/*
 * The algorithm of that name (names are case-sensitive), or
 * SOCIAL_ALGORITHM_NONE for one that we do not verify.
 */
static inline social_algorithm_e
social_algorithm(social_str_t name)
{
    static const social_str_t  rs256 = social_string("RS256");

    return social_str_eq(name, rs256) ? SOCIAL_ALGORITHM_RS256
                                      : SOCIAL_ALGORITHM_NONE;
}


#endif /* SOCIAL_ALGORITHM_H */
