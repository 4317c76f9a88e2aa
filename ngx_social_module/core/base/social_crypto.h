
/*
 * SHA-256, HMAC-SHA256 and comparison in constant time.  OpenSSL stays behind
 * this header.
 */

#ifndef SOCIAL_CRYPTO_H
#define SOCIAL_CRYPTO_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_SHA256_SIZE  32
#define SOCIAL_SHA1_SIZE    20
#define SOCIAL_MD5_SIZE     16


typedef enum {
    SOCIAL_DIGEST_MD5 = 0,       /* for ETags, not for security */
    SOCIAL_DIGEST_SHA1,
    SOCIAL_DIGEST_SHA256
} social_digest_e;

typedef struct social_digest_s  social_digest_t;
typedef struct social_digest_s  social_sha256_t;


/*
 * Writes the SHA-256 of "data" to "digest" (FIPS 180-4).  SOCIAL_FAILED:
 * OpenSSL gave up.
 */
social_rc_e social_sha256(social_str_t data,
    unsigned char digest[SOCIAL_SHA256_SIZE]);

/*
 * The same piece by piece.  social_sha256_create() gives a handle that the
 * caller frees with social_sha256_destroy(), or NULL: out of memory.
 * social_sha256_final() leaves the handle as new, whatever it returns; the
 * others return SOCIAL_FAILED when OpenSSL gives up, and so does every call
 * after that until social_sha256_final().
 */
social_sha256_t *social_sha256_create(void);
social_rc_e social_sha256_update(social_sha256_t *h, social_str_t data);
social_rc_e social_sha256_final(social_sha256_t *h,
    unsigned char digest[SOCIAL_SHA256_SIZE]);
void social_sha256_destroy(social_sha256_t *h);

/*
 * Any of the hashes in the same way, with the size of its digest.
 */
social_digest_t *social_digest_create(social_digest_e kind);
social_rc_e social_digest_update(social_digest_t *h, social_str_t data);
social_rc_e social_digest_final(social_digest_t *h, unsigned char *digest);
void social_digest_destroy(social_digest_t *h);

/*
 * Writes the HMAC-SHA256 of "data" under "key" to "mac" (RFC 2104, RFC 4231).
 * "mac" may be where "key" is.  SOCIAL_FAILED: OpenSSL gave up.
 */
social_rc_e social_hmac_sha256(social_str_t key, social_str_t data,
    unsigned char mac[SOCIAL_SHA256_SIZE]);

/*
 * Compares in a time that depends on the lengths only: for signatures, codes
 * and secrets.  The lengths are not secret.
 */
bool social_crypto_equal(social_str_t a, social_str_t b);

/*
 * Overwrites what was a secret; the compiler does not drop it.
 */
void social_crypto_cleanse(void *p, size_t size);


/*
 * Random bytes for a key.  SOCIAL_FAILED: there are none.
 */
social_rc_e social_random(unsigned char *p, size_t len);

/*
 * Makes any number of key bytes out of a key of 32: the key stream of AES-256
 * in counter mode (NIST SP 800-38A, 6.5), from 0.  SOCIAL_FAILED: out of
 * memory, or OpenSSL failed.
 */
social_rc_e social_expand(const unsigned char key[32], unsigned char *p,
    size_t len);

/*
 * Overwrites a secret that is not needed any more.
 */
void social_cleanse(void *p, size_t len);


#endif /* SOCIAL_CRYPTO_H */
