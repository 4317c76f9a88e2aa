
/*
 * Fingerprints of data by a secret key, for tables in memory.
 *
 * DESIGN.  A table of verified tokens needs that no one can find a token with
 * the fingerprint of another one.  SHA-256 gives that without a key, for 0.7 us
 * where a token has 1160 bytes; a process that keeps a key, and shows neither
 * key nor fingerprints, gets it for 0.1 us by universal hashing: NH of UMAC,
 * with words of 64 bits and two passes, then SipHash of what that leaves and
 * of the length.  For any two different data of one length NH gives the same
 * to both with a probability of 2^-128 at most over the choice of the key
 * (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message
 * Authentication", CRYPTO 1999, theorems 1 and 2); SipHash hides it and makes
 * lengths differ.  OpenSSL's Poly1305 took 0.2 us alone and 0.5 us in nginx.
 */

#ifndef SOCIAL_FINGERPRINT_H
#define SOCIAL_FINGERPRINT_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_FINGERPRINT_SIZE      16
#define SOCIAL_FINGERPRINT_KEY_SIZE  32
#define SOCIAL_FINGERPRINT_PREFIX    32
#define SOCIAL_FINGERPRINT_MAX_DATA  8192


typedef struct social_fingerprint_s  social_fingerprint_t;


/*
 * Makes what is needed for fingerprints by "key": secret random bytes.  NULL:
 * out of memory, or OpenSSL failed.  The caller frees it by
 * social_fingerprint_destroy().
 */
social_fingerprint_t *social_fingerprint_create(
    const unsigned char key[SOCIAL_FINGERPRINT_KEY_SIZE]);
void social_fingerprint_destroy(social_fingerprint_t *f);

/*
 * The fingerprint of "prefix" and, after it, "data".  It depends on the key
 * and on this machine's order of bytes: it is not to be stored or sent.
 * SOCIAL_MALFORMED: more than SOCIAL_FINGERPRINT_MAX_DATA bytes.
 */
social_rc_e social_fingerprint(const social_fingerprint_t *f,
    const unsigned char prefix[SOCIAL_FINGERPRINT_PREFIX], social_str_t data,
    unsigned char fingerprint[SOCIAL_FINGERPRINT_SIZE]);

/*
 * SipHash-2-4 with a result of 128 bits (Aumasson, Bernstein, "SipHash: a fast
 * short-input PRF", 2012), of "n" whole words.
 */
void social_siphash(const uint64_t key[2], const uint64_t *words, size_t n,
    uint64_t hash[2]);


#endif /* SOCIAL_FINGERPRINT_H */
