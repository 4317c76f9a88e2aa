
/*
 * RSA keys (RFC 7518, 6.3): RS256 to RS512 and PS256 to PS512.
 */

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "social_base64url.h"
#include "social_jwk_type.h"


#define SOCIAL_JWK_MAX_RSA_BYTES  (SOCIAL_JWK_MAX_RSA_BITS / 8)
#define SOCIAL_JWK_MAX_E_BITS     64


static social_rc_e social_jwk_parse_number(const social_json_t *json,
    social_str_t name, BIGNUM **bn, const char **why);
static social_rc_e social_jwk_check_rsa(const BIGNUM *n, const BIGNUM *e,
    const char **why);
static social_rc_e social_jwk_make_rsa(const BIGNUM *n, const BIGNUM *e,
    social_jwk_t *jwk);


social_rc_e
social_jwk_parse_rsa(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    BIGNUM                    *n, *e;
    social_rc_e                rc;
    static const social_str_t  n_name = social_string("n");
    static const social_str_t  e_name = social_string("e");

    rc = social_jwk_narrow(jwk, SOCIAL_ALGORITHMS_RS | SOCIAL_ALGORITHMS_PS,
                           why);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    e = NULL;

    rc = social_jwk_parse_number(json, n_name, &n, why);

    if (rc == SOCIAL_OK) {
        rc = social_jwk_parse_number(json, e_name, &e, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_check_rsa(n, e, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_make_rsa(n, e, jwk);
    }

    BN_free(n);
    BN_free(e);

    return rc;
}


/*
 * A Base64urlUInt (RFC 7518, 2).  Leading zero bytes are against the RFC but
 * harmless, and some issuers send one.
 */

static social_rc_e
social_jwk_parse_number(const social_json_t *json, social_str_t name,
    BIGNUM **bn, const char **why)
{
    size_t         len;
    social_str_t   text;
    unsigned char  buf[social_base64url_decoded_size(
                           SOCIAL_JWK_MAX_RSA_BYTES / 3 * 4 + 8)];

    *bn = NULL;

    if (social_json_string(social_json_member(json, name), &text) != SOCIAL_OK
        || text.len == 0)
    {
        *why = "an RSA key has no \"n\" or no \"e\"";
        return SOCIAL_MALFORMED;
    }

    if (social_base64url_decoded_size(text.len) > sizeof(buf)) {
        *why = "an RSA key's \"n\" or \"e\" has more than 8192 bits";
        return SOCIAL_MALFORMED;
    }

    if (social_base64url_decode(text, buf, &len) != SOCIAL_OK) {
        *why = "an RSA key's \"n\" or \"e\" is not base64url";
        return SOCIAL_MALFORMED;
    }

    *bn = BN_bin2bn(buf, (int) len, NULL);

    return *bn ? SOCIAL_OK : SOCIAL_FAILED;
}


static social_rc_e
social_jwk_check_rsa(const BIGNUM *n, const BIGNUM *e, const char **why)
{
    if (BN_num_bits(n) < SOCIAL_JWK_MIN_RSA_BITS) {
        *why = "an RSA key has fewer than 2048 bits";
        return SOCIAL_MALFORMED;
    }

    if (BN_num_bits(n) > SOCIAL_JWK_MAX_RSA_BITS) {
        *why = "an RSA key has more than 8192 bits";
        return SOCIAL_MALFORMED;
    }

    if (!BN_is_odd(n)) {
        *why = "an RSA key's modulus is even";
        return SOCIAL_MALFORMED;
    }

    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > SOCIAL_JWK_MAX_E_BITS)
    {
        *why = "an RSA key's exponent is even, 1, or over 64 bits";
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_jwk_make_rsa(const BIGNUM *n, const BIGNUM *e, social_jwk_t *jwk)
{
    OSSL_PARAM      *params;
    social_rc_e      rc;
    OSSL_PARAM_BLD  *bld;

    rc = SOCIAL_FAILED;
    params = NULL;

    bld = OSSL_PARAM_BLD_new();

    if (bld != NULL
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
    {
        params = OSSL_PARAM_BLD_to_param(bld);
    }

    if (params != NULL) {
        rc = social_jwk_make(jwk, "RSA", params);
    }

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);

    if (rc == SOCIAL_OK) {
        jwk->size = (size_t) EVP_PKEY_get_size(jwk->pkey);
    }

    return rc;
}


social_rc_e
social_jwk_set_padding(EVP_PKEY_CTX *verifier, social_algorithm_e algorithm)
{
    social_algorithms_t  bit;

    bit = social_algorithm_bit(algorithm);

    if (bit & SOCIAL_ALGORITHMS_RS) {
        return EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PADDING) > 0
               ? SOCIAL_OK : SOCIAL_FAILED;
    }

    if (bit & SOCIAL_ALGORITHMS_PS) {

        /* MGF1 takes the signature's own hash unless another one is set */

        return EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PSS_PADDING)
               > 0
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(verifier,
                                                   RSA_PSS_SALTLEN_DIGEST)
                  > 0
               ? SOCIAL_OK : SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}
