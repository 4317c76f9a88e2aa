
/*
 * Keys on the curves of Edwards (RFC 8037, 2): "EdDSA", and, by their own
 * names, "Ed25519" and "Ed448" (RFC 9864, 2.2).
 */

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "social_base64url.h"
#include "social_jwk_type.h"


#define SOCIAL_JWK_ED448_BYTES  57


typedef struct {
    social_str_t          name;
    const char           *type;
    social_algorithm_e    algorithm;
    size_t                size;       /* of a key; a signature has twice it */
} social_jwk_edwards_t;


/* X25519 and X448 are of the same "kty", but for agreement on keys */

static const social_jwk_edwards_t  social_jwk_edwards[] = {
    { social_string("Ed25519"), "ED25519", SOCIAL_ALGORITHM_ED25519, 32 },
    { social_string("Ed448"), "ED448", SOCIAL_ALGORITHM_ED448,
      SOCIAL_JWK_ED448_BYTES }
};


social_rc_e
social_jwk_parse_okp(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    size_t                       i, n;
    OSSL_PARAM                   params[2];
    social_str_t                 crv;
    unsigned char                key[SOCIAL_JWK_ED448_BYTES + 2];
    const social_jwk_edwards_t  *curve;
    static const social_str_t    crv_name = social_string("crv");
    static const social_str_t    x = social_string("x");

    if (social_json_string(social_json_member(json, crv_name), &crv)
        != SOCIAL_OK)
    {
        *why = "an OKP key has no \"crv\"";
        return SOCIAL_MALFORMED;
    }

    n = sizeof(social_jwk_edwards) / sizeof(social_jwk_edwards[0]);

    for (i = 0; i < n; i++) {
        if (social_str_eq(crv, social_jwk_edwards[i].name)) {
            break;
        }
    }

    if (i == n) {
        *why = "an OKP key's \"crv\" is not Ed25519 or Ed448";
        return SOCIAL_DECLINED;
    }

    curve = &social_jwk_edwards[i];

    if (social_jwk_narrow(jwk, social_algorithm_bit(curve->algorithm)
                               | social_algorithm_bit(SOCIAL_ALGORITHM_EDDSA),
                          why)
        != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    if (social_jwk_member(json, x, key, curve->size) != SOCIAL_OK) {
        *why = "an OKP key's \"x\" is not base64url of its curve's length";
        return SOCIAL_MALFORMED;
    }

    params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  key, curve->size);
    params[1] = OSSL_PARAM_construct_end();

    if (social_jwk_make(jwk, curve->type, params) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    jwk->size = 2 * curve->size;

    return SOCIAL_OK;
}
