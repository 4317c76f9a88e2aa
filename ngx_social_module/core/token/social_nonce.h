
/*
 * Nonces that a server gives out, and knows again without having kept them:
 * the time at which each was made, and an HMAC of it (RFC 9449, 8 and 9).
 * Within a second all of them are one.
 */

#ifndef SOCIAL_NONCE_H
#define SOCIAL_NONCE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_NONCE_SIZE  32      /* characters of base64url */
#define SOCIAL_NONCE_SKEW  60      /* seconds that gateways may be apart */


/*
 * Makes the nonce of "now" (seconds since the epoch) under "secret", which is
 * not empty.  SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_nonce_make(social_str_t secret, int64_t now,
    unsigned char nonce[SOCIAL_NONCE_SIZE]);

/*
 * Tells when a nonce was made, by one of two "secrets", the second of which may
 * be empty.  SOCIAL_MALFORMED: by none of them; SOCIAL_DECLINED: more than
 * "age" seconds ago, or too far in the future; SOCIAL_FAILED: out of memory,
 * or OpenSSL.
 */
social_rc_e social_nonce_check(social_str_t nonce,
    const social_str_t *secrets, int64_t now, int64_t age, int64_t *made);


#endif /* SOCIAL_NONCE_H */
