
/*
 * One JSON Web Key, checked and made ready for verifying: what is the same
 * for every type of key.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "social_base64url.h"
#include "social_jwk_type.h"


typedef struct {
    social_str_t        name;
    social_jwk_type_pt  parse;
} social_jwk_type_t;


static social_rc_e social_jwk_check_purpose(const social_json_t *json,
    const char **why);
static social_rc_e social_jwk_check_operations(const social_json_t *json,
    const char **why);
static social_rc_e social_jwk_check_public(const social_json_t *json,
    const char **why);
static social_rc_e social_jwk_choose_algorithms(const social_json_t *json,
    social_algorithms_t algorithms, social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_kid(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_make_verifiers(social_jwk_t *jwk);
static social_rc_e social_jwk_make_verifier(social_jwk_t *jwk,
    social_algorithm_e algorithm);


static const social_jwk_type_t  social_jwk_types[] = {
    { social_string("RSA"), social_jwk_parse_rsa },
    { social_string("EC"), social_jwk_parse_ec },
    { social_string("OKP"), social_jwk_parse_okp }
};

#define SOCIAL_JWK_TYPES                                                      \
    (sizeof(social_jwk_types) / sizeof(social_jwk_types[0]))


social_rc_e
social_jwk_parse(const social_json_t *json, social_algorithms_t algorithms,
    social_jwk_t *jwk, const char **why)
{
    size_t                     i;
    social_rc_e                rc;
    social_str_t               kty;
    static const social_str_t  kty_name = social_string("kty");

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

    for (i = 0; i < SOCIAL_JWK_TYPES; i++) {
        if (social_str_eq(kty, social_jwk_types[i].name)) {
            break;
        }
    }

    if (i == SOCIAL_JWK_TYPES) {
        *why = "a key's \"kty\" is not RSA, EC or OKP";
        return SOCIAL_DECLINED;
    }

    rc = social_jwk_check_purpose(json, why);

    if (rc == SOCIAL_OK) {
        rc = social_jwk_check_public(json, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_parse_kid(json, jwk, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_choose_algorithms(json, algorithms, jwk, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_types[i].parse(json, jwk, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwk_make_verifiers(jwk);
    }

    if (rc != SOCIAL_OK) {
        social_jwk_free(jwk);
    }

    return rc;
}


void
social_jwk_free(social_jwk_t *jwk)
{
    unsigned  i;

    for (i = 0; i < SOCIAL_ALGORITHM_END; i++) {
        EVP_PKEY_CTX_free(jwk->verifiers[i]);
    }

    EVP_MD_CTX_free(jwk->verifier);
    EVP_PKEY_free(jwk->pkey);
    free((void *) jwk->kid.data);

    memset(jwk, 0, sizeof(social_jwk_t));
}


/*
 * "use" and "key_ops" are optional (RFC 7517, 4.2 and 4.3), but where they are
 * said they bind: an encryption key must not verify signatures.
 */

static social_rc_e
social_jwk_check_purpose(const social_json_t *json, const char **why)
{
    social_rc_e                rc;
    social_str_t               s;
    static const social_str_t  use = social_string("use");
    static const social_str_t  sig = social_string("sig");

    rc = social_json_string(social_json_member(json, use), &s);

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"use\" is not a string";
        return SOCIAL_MALFORMED;
    }

    if (rc == SOCIAL_OK && !social_str_eq(s, sig)) {
        *why = "a key's \"use\" is not \"sig\"";
        return SOCIAL_DECLINED;
    }

    return social_jwk_check_operations(json, why);
}


static social_rc_e
social_jwk_check_operations(const social_json_t *json, const char **why)
{
    size_t                     i, n;
    social_str_t               s;
    const social_json_t       *ops;
    static const social_str_t  key_ops = social_string("key_ops");
    static const social_str_t  verify = social_string("verify");

    ops = social_json_member(json, key_ops);

    if (ops == NULL) {
        return SOCIAL_OK;
    }

    if (!social_json_is_array(ops)) {
        *why = "a key's \"key_ops\" is not an array";
        return SOCIAL_MALFORMED;
    }

    n = social_json_count(ops);

    for (i = 0; i < n; i++) {
        if (social_json_string(social_json_element(ops, i), &s) == SOCIAL_OK
            && social_str_eq(s, verify))
        {
            return SOCIAL_OK;
        }
    }

    *why = "a key's \"key_ops\" has no \"verify\"";
    return SOCIAL_DECLINED;
}


/*
 * Whoever can read a set that has a private key can sign tokens by it, so
 * that to go on verifying by it is to accept anybody's (RFC 7517, 9.2).  jose
 * refuses such a set, too; aws-jwt-verify does not look.
 */

static social_rc_e
social_jwk_check_public(const social_json_t *json, const char **why)
{
    size_t                     i;
    static const social_str_t  names[] = {
        social_string("d"),

        /* RFC 7518, 6.3.2 */
        social_string("p"), social_string("q"), social_string("dp"),
        social_string("dq"), social_string("qi"), social_string("oth")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (social_json_member(json, names[i]) != NULL) {
            *why = "a key is a private one: only its public members may be "
                   "in a set";
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


/*
 * A key that says its "alg" is for that one only (RFC 8725, 3.1).  One that
 * does not is for all of its type that the issuer may use.
 */

static social_rc_e
social_jwk_choose_algorithms(const social_json_t *json,
    social_algorithms_t algorithms, social_jwk_t *jwk, const char **why)
{
    social_rc_e                rc;
    social_str_t               s;
    social_algorithm_e         algorithm;
    static const social_str_t  alg = social_string("alg");

    rc = social_json_string(social_json_member(json, alg), &s);

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"alg\" is not a string";
        return SOCIAL_MALFORMED;
    }

    jwk->algorithms = algorithms;

    if (rc == SOCIAL_OK) {
        algorithm = social_algorithm(s);

        if (algorithm == SOCIAL_ALGORITHM_NONE) {
            *why = "a key's \"alg\" is none that is verified";
            return SOCIAL_DECLINED;
        }

        jwk->algorithms &= social_algorithm_bit(algorithm);

        if (jwk->algorithms == 0) {
            *why = "a key's \"alg\" is none of the issuer's \"algorithms\"";
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


social_rc_e
social_jwk_narrow(social_jwk_t *jwk, social_algorithms_t algorithms,
    const char **why)
{
    jwk->algorithms &= algorithms;

    if (jwk->algorithms == 0) {
        *why = "a key's type is for none of the issuer's \"algorithms\", or "
               "not for its own \"alg\"";
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


social_rc_e
social_jwk_member(const social_json_t *json, social_str_t name,
    unsigned char *buf, size_t size)
{
    size_t         len;
    social_str_t   text;

    if (social_json_string(social_json_member(json, name), &text)
        != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    /* RFC 4648, 5: three bytes to four characters, no padding */

    if (text.len != (size * 4 + 2) / 3) {
        return SOCIAL_MALFORMED;
    }

    return social_base64url_decode(text, buf, &len);
}


social_rc_e
social_jwk_make(social_jwk_t *jwk, const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) <= 0
        || EVP_PKEY_fromdata(ctx, &jwk->pkey, EVP_PKEY_PUBLIC_KEY, params)
           <= 0)
    {
        jwk->pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return jwk->pkey ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * Setting a verification up costs OpenSSL 3 several look-ups of names; the
 * result may be used for any number of signatures, one after the other.
 */

static social_rc_e
social_jwk_make_verifiers(social_jwk_t *jwk)
{
    unsigned  i;

    for (i = SOCIAL_ALGORITHM_RS256; i < SOCIAL_ALGORITHM_END; i++) {

        if ((jwk->algorithms & social_algorithm_bit(i)) == 0) {
            continue;
        }

        if (social_jwk_make_verifier(jwk, (social_algorithm_e) i)
            != SOCIAL_OK)
        {
            return SOCIAL_FAILED;
        }
    }

    return SOCIAL_OK;
}


static social_rc_e
social_jwk_make_verifier(social_jwk_t *jwk, social_algorithm_e algorithm)
{
    const EVP_MD  *md;
    EVP_PKEY_CTX  *ctx;

    switch (social_algorithm_hash(algorithm)) {

    case SOCIAL_HASH_SHA256:
        md = EVP_sha256();
        break;

    case SOCIAL_HASH_SHA384:
        md = EVP_sha384();
        break;

    case SOCIAL_HASH_SHA512:
        md = EVP_sha512();
        break;

    default:

        /* "EdDSA" and the curve's own name are one check */

        if (jwk->verifier != NULL) {
            return SOCIAL_OK;
        }

        jwk->verifier = EVP_MD_CTX_new();

        if (jwk->verifier == NULL
            || EVP_DigestVerifyInit_ex(jwk->verifier, NULL, NULL, NULL, NULL,
                                       jwk->pkey, NULL)
               <= 0)
        {
            return SOCIAL_FAILED;
        }

        return SOCIAL_OK;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, jwk->pkey, NULL);
    jwk->verifiers[algorithm] = ctx;

    if (ctx == NULL
        || EVP_PKEY_verify_init(ctx) <= 0
        || social_jwk_set_padding(ctx, algorithm) != SOCIAL_OK
        || EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
    {
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}
