
/*
 * The signature algorithms that we verify (RFC 7518, 3; RFC 8037, 3.1;
 * RFC 9864, 2.2).  "none" and the HMAC family are not among them and cannot
 * be configured: a public key must never be used as a shared secret.  Neither
 * is ES256K: its curve is used by a few ledgers only.
 */

#ifndef SOCIAL_ALGORITHM_H
#define SOCIAL_ALGORITHM_H


#include "social_str.h"


typedef enum {
    SOCIAL_ALGORITHM_NONE = 0,

    /* RSASSA-PKCS1-v1_5 */
    SOCIAL_ALGORITHM_RS256,
    SOCIAL_ALGORITHM_RS384,
    SOCIAL_ALGORITHM_RS512,

    /* RSASSA-PSS, MGF1 of the same hash, salts as long as the hash */
    SOCIAL_ALGORITHM_PS256,
    SOCIAL_ALGORITHM_PS384,
    SOCIAL_ALGORITHM_PS512,

    /* ECDSA, each with one curve */
    SOCIAL_ALGORITHM_ES256,
    SOCIAL_ALGORITHM_ES384,
    SOCIAL_ALGORITHM_ES512,

    /* EdDSA: by either curve, or by the one that is named */
    SOCIAL_ALGORITHM_EDDSA,
    SOCIAL_ALGORITHM_ED25519,
    SOCIAL_ALGORITHM_ED448,

    SOCIAL_ALGORITHM_END
} social_algorithm_e;


typedef enum {
    SOCIAL_HASH_SHA256 = 0,
    SOCIAL_HASH_SHA384,
    SOCIAL_HASH_SHA512,
    SOCIAL_HASH_NONE               /* the message itself is signed */
} social_hash_e;


/* a set of algorithms: which ones a key, or an issuer, stands for */

typedef uint32_t  social_algorithms_t;


#define social_algorithm_bit(algorithm)                                       \
    ((social_algorithms_t) 1 << (algorithm))

#define SOCIAL_ALGORITHMS_RS                                                  \
    (social_algorithm_bit(SOCIAL_ALGORITHM_RS256)                             \
     | social_algorithm_bit(SOCIAL_ALGORITHM_RS384)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_RS512))

#define SOCIAL_ALGORITHMS_PS                                                  \
    (social_algorithm_bit(SOCIAL_ALGORITHM_PS256)                             \
     | social_algorithm_bit(SOCIAL_ALGORITHM_PS384)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_PS512))

#define SOCIAL_ALGORITHMS_ES                                                  \
    (social_algorithm_bit(SOCIAL_ALGORITHM_ES256)                             \
     | social_algorithm_bit(SOCIAL_ALGORITHM_ES384)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_ES512))

#define SOCIAL_ALGORITHMS_ALL                                                 \
    (social_algorithm_bit(SOCIAL_ALGORITHM_END)                               \
     - social_algorithm_bit(SOCIAL_ALGORITHM_RS256))


/*
 * The algorithm of that name (names are case-sensitive), or
 * SOCIAL_ALGORITHM_NONE for one that we do not verify.
 */
social_algorithm_e social_algorithm(social_str_t name);

/*
 * The name of an algorithm.
 */
social_str_t social_algorithm_name(social_algorithm_e algorithm);

/*
 * What is hashed before the signature is looked at.
 */
social_hash_e social_algorithm_hash(social_algorithm_e algorithm);


#endif /* SOCIAL_ALGORITHM_H */
