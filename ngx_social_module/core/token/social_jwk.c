
/*
 * One JSON Web Key, checked and made ready for verifying: what is the same
 * for every type of key, then RSA, EC and OKP.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "social_base64url.h"
#include "social_jwk.h"


#define SOCIAL_JWK_MAX_RSA_BYTES  (SOCIAL_JWK_MAX_RSA_BITS / 8)
#define SOCIAL_JWK_MAX_E_BITS     64
#define SOCIAL_JWK_ED448_BYTES    57


/*
 * What a type of key does with its members: takes out of jwk->algorithms what
 * no key of that kind can verify, and makes jwk->pkey and jwk->size.  Returns
 * as social_jwk_parse() does.
 */
typedef social_rc_e (*social_jwk_type_pt)(const social_json_t *json,
    social_jwk_t *jwk, const char **why);


typedef struct {
    social_str_t        name;
    social_jwk_type_pt  parse;
} social_jwk_type_t;


typedef struct {
    social_str_t          name;
    const char           *group;
    social_algorithm_e    algorithm;
    size_t                size;       /* of a coordinate and of r and s */
    const unsigned char  *order;      /* of as many bytes */
} social_jwk_curve_t;


typedef struct {
    social_str_t          name;
    const char           *type;
    social_algorithm_e    algorithm;
    size_t                size;       /* of a key; a signature has twice it */
} social_jwk_edwards_t;


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
static social_rc_e social_jwk_narrow(social_jwk_t *jwk,
    social_algorithms_t algorithms, const char **why);
static social_rc_e social_jwk_member(const social_json_t *json,
    social_str_t name, unsigned char *buf, size_t size);
static social_rc_e social_jwk_make(social_jwk_t *jwk, const char *type,
    OSSL_PARAM *params);
static social_rc_e social_jwk_parse_rsa(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_ec(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_okp(const social_json_t *json,
    social_jwk_t *jwk, const char **why);
static social_rc_e social_jwk_parse_number(const social_json_t *json,
    social_str_t name, BIGNUM **bn, const char **why);
static social_rc_e social_jwk_check_rsa(const BIGNUM *n, const BIGNUM *e,
    const char **why);
static social_rc_e social_jwk_make_rsa(const BIGNUM *n, const BIGNUM *e,
    social_jwk_t *jwk);
static const social_jwk_curve_t *social_jwk_find_curve(social_str_t name);
static bool social_jwk_ec_off_curve(void);
static const unsigned char *social_jwk_ec_significant(const unsigned char *p,
    const social_jwk_curve_t *curve, size_t *len);
static unsigned char *social_jwk_ec_write(unsigned char *p,
    const unsigned char *number, size_t len);


static const social_jwk_type_t  social_jwk_types[] = {
    { social_string("RSA"), social_jwk_parse_rsa },
    { social_string("EC"), social_jwk_parse_ec },
    { social_string("OKP"), social_jwk_parse_okp }
};

#define SOCIAL_JWK_TYPES                                                      \
    (sizeof(social_jwk_types) / sizeof(social_jwk_types[0]))


/* FIPS 186-4, D.1.2 */

static const unsigned char  social_jwk_order_p256[] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
};

static const unsigned char  social_jwk_order_p384[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58,
    0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a,
    0xcc, 0xc5, 0x29, 0x73
};

static const unsigned char  social_jwk_order_p521[] = {
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc,
    0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89,
    0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09
};


/*
 * Of all curves only these have an algorithm here; secp256k1 is left out on
 * purpose.
 */

static const social_jwk_curve_t  social_jwk_curves[] = {

    { social_string("P-256"), "P-256", SOCIAL_ALGORITHM_ES256,
      sizeof(social_jwk_order_p256), social_jwk_order_p256 },

    { social_string("P-384"), "P-384", SOCIAL_ALGORITHM_ES384,
      sizeof(social_jwk_order_p384), social_jwk_order_p384 },

    { social_string("P-521"), "P-521", SOCIAL_ALGORITHM_ES512,
      sizeof(social_jwk_order_p521), social_jwk_order_p521 }
};


/* X25519 and X448 are of the same "kty", but for agreement on keys */

static const social_jwk_edwards_t  social_jwk_edwards[] = {
    { social_string("Ed25519"), "ED25519", SOCIAL_ALGORITHM_ED25519, 32 },
    { social_string("Ed448"), "ED448", SOCIAL_ALGORITHM_ED448,
      SOCIAL_JWK_ED448_BYTES }
};


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
        rc = social_jwk_ready(jwk);
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

    rc = social_json_string(social_json_present(json, use), &s);

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

    ops = social_json_present(json, key_ops);

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
 * Everyone who can read a set with a private key can sign tokens by it, so
 * that verifying by it would accept forged ones (RFC 7517, 9.2).  jose refuses
 * such a set, too; aws-jwt-verify does not look.
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

    rc = social_json_string(social_json_present(json, alg), &s);

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


/*
 * Takes out of jwk->algorithms what is not in "algorithms", those of the
 * key's type.  SOCIAL_DECLINED: nothing is left.
 */

static social_rc_e
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


/*
 * A key need not have one (RFC 7517, 4.5): it is for tokens without one.
 */

static social_rc_e
social_jwk_parse_kid(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    social_rc_e                rc;
    social_str_t               kid;
    unsigned char             *p;
    static const social_str_t  name = social_string("kid");

    rc = social_json_string(social_json_present(json, name), &kid);

    if (rc == SOCIAL_DECLINED) {
        return SOCIAL_OK;
    }

    if (rc == SOCIAL_MALFORMED) {
        *why = "a key's \"kid\" is not a string";
        return SOCIAL_MALFORMED;
    }

    if (kid.len == 0 || kid.len > SOCIAL_JWK_MAX_KID) {
        *why = "a key's \"kid\" is not of 1 to 256 bytes";
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


/*
 * Decodes a member of exactly "size" bytes in base64url to "buf", which has
 * room for social_base64url_decoded_size() of as many.  SOCIAL_MALFORMED: it
 * is missing, not a string, not base64url, or of another length.
 */

static social_rc_e
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


/*
 * Makes jwk->pkey, a public key of that OpenSSL type.  SOCIAL_FAILED: OpenSSL
 * failed, its error queue has the reason.
 */

static social_rc_e
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


/* RSA keys (RFC 7518, 6.3): RS256 to RS512 and PS256 to PS512 */

static social_rc_e
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


/* keys on NIST's curves (RFC 7518, 6.2): ES256, ES384 and ES512 */

static social_rc_e
social_jwk_parse_ec(const social_json_t *json, social_jwk_t *jwk,
    const char **why)
{
    int                        ok;
    size_t                     size;
    OSSL_PARAM                 params[3];
    EVP_PKEY_CTX              *ctx;
    social_str_t               crv;
    unsigned char              point[1 + 2 * SOCIAL_JWK_MAX_EC_BYTES + 2];
    const social_jwk_curve_t  *curve;
    static const social_str_t  crv_name = social_string("crv");
    static const social_str_t  x = social_string("x");
    static const social_str_t  y = social_string("y");

    if (social_json_string(social_json_member(json, crv_name), &crv)
        != SOCIAL_OK)
    {
        *why = "an EC key has no \"crv\"";
        return SOCIAL_MALFORMED;
    }

    curve = social_jwk_find_curve(crv);

    if (curve == NULL) {
        *why = "an EC key's \"crv\" is not P-256, P-384 or P-521";
        return SOCIAL_DECLINED;
    }

    if (social_jwk_narrow(jwk, social_algorithm_bit(curve->algorithm), why)
        != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    /*
     * An uncompressed point (SEC 1, 2.3.3).  Coordinates have their leading
     * zeros, always (RFC 7518, 6.2.1.2).
     */

    size = curve->size;
    point[0] = 0x04;

    if (social_jwk_member(json, x, point + 1, size) != SOCIAL_OK
        || social_jwk_member(json, y, point + 1 + size, size) != SOCIAL_OK)
    {
        *why = "an EC key's \"x\" or \"y\" is not base64url of its curve's "
               "length";
        return SOCIAL_MALFORMED;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) curve->group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, 1 + 2 * size);
    params[2] = OSSL_PARAM_construct_end();

    ERR_clear_error();

    if (social_jwk_make(jwk, "EC", params) != SOCIAL_OK) {

        if (social_jwk_ec_off_curve()) {
            *why = "an EC key's point is not on its curve";
            return SOCIAL_MALFORMED;
        }

        return SOCIAL_FAILED;
    }

    /*
     * Of a curve with cofactor 1 each point but infinity, which cannot be
     * written so, is of its order: to multiply it by the order, as the full
     * check does, would only take its time (SP 800-56A, 5.6.2.3.4).  That it
     * is on the curve has been seen above, or it would not be a key.
     */

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, jwk->pkey, NULL);
    ok = (ctx != NULL && EVP_PKEY_public_check_quick(ctx) > 0);

    EVP_PKEY_CTX_free(ctx);

    if (!ok) {
        return SOCIAL_FAILED;
    }

    jwk->size = 2 * size;

    return SOCIAL_OK;
}


static const social_jwk_curve_t *
social_jwk_find_curve(social_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(social_jwk_curves) / sizeof(social_jwk_curves[0]);
         i++)
    {
        if (social_str_eq(name, social_jwk_curves[i].name)) {
            return &social_jwk_curves[i];
        }
    }

    return NULL;
}


/*
 * OpenSSL refuses a point that is not on the curve, with this error; any other
 * error is not the key's fault.  It is reported for lack of memory, too.
 */

static bool
social_jwk_ec_off_curve(void)
{
    bool           off, failed;
    unsigned long  error;

    off = false;
    failed = false;

    while ((error = ERR_get_error()) != 0) {

        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
            failed = true;
        }

        if (ERR_GET_LIB(error) != ERR_LIB_EC) {
            continue;
        }

        switch (ERR_GET_REASON(error)) {

        case EC_R_POINT_IS_NOT_ON_CURVE:
        case EC_R_COORDINATES_OUT_OF_RANGE:
        case EC_R_INVALID_ENCODING:
            off = true;
            break;

        default:
            break;
        }
    }

    return off && !failed;
}


size_t
social_jwk_ec_der(social_algorithm_e algorithm, social_str_t signature,
    unsigned char *der)
{
    size_t                      rlen, slen, len;
    unsigned char              *p;
    const unsigned char        *r, *s;
    const social_jwk_curve_t   *curve;

    curve = &social_jwk_curves[algorithm - SOCIAL_ALGORITHM_ES256];

    r = social_jwk_ec_significant(signature.data, curve, &rlen);
    s = social_jwk_ec_significant(signature.data + curve->size, curve, &slen);

    if (r == NULL || s == NULL) {
        return 0;
    }

    /* a number whose first bit is set gets a zero before it */

    len = 2 + rlen + (r[0] >> 7) + 2 + slen + (s[0] >> 7);

    p = der;
    *p++ = 0x30;

    if (len >= 0x80) {
        *p++ = 0x81;
    }

    *p++ = (unsigned char) len;

    p = social_jwk_ec_write(p, r, rlen);
    p = social_jwk_ec_write(p, s, slen);

    return (size_t) (p - der);
}


/*
 * A number without its leading zeros, or NULL where it is not in 1 to n - 1.
 * Nothing here is secret.
 */

static const unsigned char *
social_jwk_ec_significant(const unsigned char *p,
    const social_jwk_curve_t *curve, size_t *len)
{
    size_t  i;

    if (memcmp(p, curve->order, curve->size) >= 0) {
        return NULL;
    }

    for (i = 0; i < curve->size; i++) {
        if (p[i] != 0) {
            *len = curve->size - i;
            return p + i;
        }
    }

    return NULL;
}


static unsigned char *
social_jwk_ec_write(unsigned char *p, const unsigned char *number, size_t len)
{
    unsigned char  zero;

    zero = number[0] >> 7;

    *p++ = 0x02;
    *p++ = (unsigned char) (zero + len);

    if (zero) {
        *p++ = 0;
    }

    memcpy(p, number, len);

    return p + len;
}


/*
 * Keys on the curves of Edwards (RFC 8037, 2): "EdDSA", and, by their own
 * names, "Ed25519" and "Ed448" (RFC 9864, 2.2).
 */

static social_rc_e
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
