
/*
 * One JSON Web Key, checked and made ready for verifying.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "social_base64url.h"
#include "social_jwk.h"


#define SOCIAL_JWK_MAX_RSA_BYTES  (SOCIAL_JWK_MAX_RSA_BITS / 8)
#define SOCIAL_JWK_MAX_E_BITS     64


static social_rc_e social_jwk_check_purpose(const social_json_t *json,
    const char **why);
static social_rc_e social_jwk_parse_kid(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_rsa(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_number(const social_json_t *json,
    social_str_t name, BIGNUM **bn, const char **why);
static social_rc_e social_jwk_check_rsa(const BIGNUM *n, const BIGNUM *e,
    const char **why);
static social_rc_e social_jwk_make_rsa(const BIGNUM *n, const BIGNUM *e,
    social_jwk_t *jwk);
static social_rc_e social_jwk_make_verifier(social_jwk_t *jwk);


social_rc_e
social_jwk_parse(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    social_rc_e                rc;
    social_str_t               kty;
    static const social_str_t  kty_name = social_string("kty");
    static const social_str_t  rsa = social_string("RSA");

    memset(jwk, 0, sizeof(social_jwk_t));

    if (!social_json_is_object(json)) {
        *why = "a key is not an object";
        return SOCIAL_MALFORMED;
    }

    if (social_json_string(social_json_member(json, kty_name), &kty)
        != SOCIAL_OK)
    {
        *why = "a key has no \"kty\"";
        return SOCIAL_MALFORMED;
    }

    if (!social_str_eq(kty, rsa)) {
        *why = "a key's \"kty\" is not RSA";
        return SOCIAL_DECLINED;
    }

    rc = social_jwk_check_purpose(json, why);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    rc = social_jwk_parse_kid(json, jwk, why);

    if (rc == SOCIAL_OK) {
        rc = social_jwk_parse_rsa(json, jwk, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_make_verifier(jwk);
    }

    if (rc != SOCIAL_OK) {
        social_jwk_free(jwk);
    }

    return rc;
}


void
social_jwk_free(social_jwk_t *jwk)
{
    EVP_PKEY_CTX_free(jwk->verifier);
    EVP_PKEY_free(jwk->pkey);
    free((void *) jwk->kid.data);

    memset(jwk, 0, sizeof(social_jwk_t));
}


/*
 * "use", "key_ops" and "alg" are optional (RFC 7517, 4.2-4.4), but where they
 * are said they bind: an encryption key must not verify signatures.
 */

static social_rc_e
social_jwk_check_purpose(const social_json_t *json, const char **why)
{
    size_t                     i, n;
    social_rc_e                rc;
    social_str_t               s;
    const social_json_t       *ops;
    static const social_str_t  use = social_string("use");
    static const social_str_t  key_ops = social_string("key_ops");
    static const social_str_t  alg = social_string("alg");
    static const social_str_t  sig = social_string("sig");
    static const social_str_t  verify = social_string("verify");

    rc = social_json_string(social_json_member(json, use), &s);

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"use\" is not a string";
        return SOCIAL_MALFORMED;
    }

    if (rc == SOCIAL_OK && !social_str_eq(s, sig)) {
        *why = "a key's \"use\" is not \"sig\"";
        return SOCIAL_DECLINED;
    }

    ops = social_json_member(json, key_ops);

    if (ops != NULL && !social_json_is_array(ops)) {
        *why = "a key's \"key_ops\" is not an array";
        return SOCIAL_MALFORMED;
    }

    if (ops != NULL) {
        n = social_json_count(ops);

        for (i = 0; i < n; i++) {
            if (social_json_string(social_json_element(ops, i), &s)
                == SOCIAL_OK && social_str_eq(s, verify))
            {
                break;
            }
        }

        if (i == n) {
            *why = "a key's \"key_ops\" has no \"verify\"";
            return SOCIAL_DECLINED;
        }
    }

    rc = social_json_string(social_json_member(json, alg), &s);

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"alg\" is not a string";
        return SOCIAL_MALFORMED;
    }

    if (rc == SOCIAL_OK && social_algorithm(s) == SOCIAL_ALGORITHM_NONE) {
        *why = "a key's \"alg\" is none that is verified";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_jwk_parse_kid(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    social_rc_e                rc;
    social_str_t               kid;
    unsigned char             *p;
    static const social_str_t  name = social_string("kid");

    rc = social_json_string(social_json_member(json, name), &kid);

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"kid\" is not a string";
        return SOCIAL_MALFORMED;
    }

    if (rc != SOCIAL_OK || kid.len == 0 || kid.len > SOCIAL_JWK_MAX_KID) {
        *why = "a key has no \"kid\" of 1 to 256 bytes";
        return SOCIAL_DECLINED;
    }

    p = malloc(kid.len);
    if (p == NULL) {
        return SOCIAL_FAILED;
    }

    memcpy(p, kid.data, kid.len);

    jwk->kid.len = kid.len;
    jwk->kid.data = p;

    return SOCIAL_OK;
}


static social_rc_e
social_jwk_parse_rsa(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    BIGNUM                    *n, *e;
    social_rc_e                rc;
    static const social_str_t  n_name = social_string("n");
    static const social_str_t  e_name = social_string("e");

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
    EVP_PKEY_CTX    *ctx;
    OSSL_PARAM_BLD  *bld;

    params = NULL;
    ctx = NULL;

    bld = OSSL_PARAM_BLD_new();

    if (bld == NULL
        || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
    {
        goto done;
    }

    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0) {
        goto done;
    }

    if (EVP_PKEY_fromdata(ctx, &jwk->pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        jwk->pkey = NULL;
    }

done:

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);

    return jwk->pkey ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * Setting a verification up costs OpenSSL 3 several look-ups of names; the
 * result may be used for any number of signatures, one after the other.
 */

static social_rc_e
social_jwk_make_verifier(social_jwk_t *jwk)
{
    jwk->algorithm = SOCIAL_ALGORITHM_RS256;

    jwk->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, jwk->pkey, NULL);

    if (jwk->verifier == NULL
        || EVP_PKEY_verify_init(jwk->verifier) <= 0
        || EVP_PKEY_CTX_set_rsa_padding(jwk->verifier, RSA_PKCS1_PADDING) <= 0
        || EVP_PKEY_CTX_set_signature_md(jwk->verifier, EVP_sha256()) <= 0)
    {
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}
