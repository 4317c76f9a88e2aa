
/*
 * Keys on NIST's curves (RFC 7518, 6.2): ES256, ES384 and ES512.
 */

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "social_base64url.h"
#include "social_jwk_type.h"


typedef struct {
    social_str_t          name;
    const char           *group;
    social_algorithm_e    algorithm;
    size_t                size;       /* of a coordinate and of r and s */
    const unsigned char  *order;      /* of as many bytes */
} social_jwk_curve_t;


static const social_jwk_curve_t *social_jwk_find_curve(social_str_t name);
static bool social_jwk_ec_off_curve(void);
static const unsigned char *social_jwk_ec_significant(const unsigned char *p,
    const social_jwk_curve_t *curve, size_t *len);
static unsigned char *social_jwk_ec_write(unsigned char *p,
    const unsigned char *number, size_t len);


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


social_rc_e
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
 * OpenSSL takes no point that is not on the curve, and says so; anything else
 * that it may have against a key is not the key's fault.  It says so too where
 * it had no memory to find out.
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
