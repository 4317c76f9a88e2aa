
/*
 * Names and hashes of the signature algorithms.
 */

#include "social_algorithm.h"


typedef struct {
    social_str_t   name;
    social_hash_e  hash;
} social_algorithm_entry_t;


static const social_algorithm_entry_t
    social_algorithm_table[SOCIAL_ALGORITHM_END] =
{
    [SOCIAL_ALGORITHM_NONE] = { social_string(""), SOCIAL_HASH_NONE },

    [SOCIAL_ALGORITHM_RS256] = { social_string("RS256"), SOCIAL_HASH_SHA256 },
    [SOCIAL_ALGORITHM_RS384] = { social_string("RS384"), SOCIAL_HASH_SHA384 },
    [SOCIAL_ALGORITHM_RS512] = { social_string("RS512"), SOCIAL_HASH_SHA512 },

    [SOCIAL_ALGORITHM_PS256] = { social_string("PS256"), SOCIAL_HASH_SHA256 },
    [SOCIAL_ALGORITHM_PS384] = { social_string("PS384"), SOCIAL_HASH_SHA384 },
    [SOCIAL_ALGORITHM_PS512] = { social_string("PS512"), SOCIAL_HASH_SHA512 },

    [SOCIAL_ALGORITHM_ES256] = { social_string("ES256"), SOCIAL_HASH_SHA256 },
    [SOCIAL_ALGORITHM_ES384] = { social_string("ES384"), SOCIAL_HASH_SHA384 },
    [SOCIAL_ALGORITHM_ES512] = { social_string("ES512"), SOCIAL_HASH_SHA512 },

    [SOCIAL_ALGORITHM_EDDSA] = { social_string("EdDSA"), SOCIAL_HASH_NONE },
    [SOCIAL_ALGORITHM_ED25519] = { social_string("Ed25519"),
                                   SOCIAL_HASH_NONE },
    [SOCIAL_ALGORITHM_ED448] = { social_string("Ed448"), SOCIAL_HASH_NONE }
};


social_algorithm_e
social_algorithm(social_str_t name)
{
    unsigned  i;

    for (i = SOCIAL_ALGORITHM_RS256; i < SOCIAL_ALGORITHM_END; i++) {
        if (social_str_eq(name, social_algorithm_table[i].name)) {
            return (social_algorithm_e) i;
        }
    }

    return SOCIAL_ALGORITHM_NONE;
}


social_str_t
social_algorithm_name(social_algorithm_e algorithm)
{
    return social_algorithm_table[algorithm].name;
}


social_hash_e
social_algorithm_hash(social_algorithm_e algorithm)
{
    return social_algorithm_table[algorithm].hash;
}
