
/*
 * Keys and tokens for the unit tests, made at run time: no private key is
 * ever kept in a file.
 */

#ifndef SOCIAL_UNIT_KEY_H
#define SOCIAL_UNIT_KEY_H


#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "social_unit.h"


/*
 * Writes base64url without padding, zero-terminated; the caller frees it.
 */
static inline char *
social_unit_base64url(const unsigned char *p, size_t len)
{
    char                *text, *t;
    size_t               i, n;
    uint32_t             v;
    static const char    abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";

    text = malloc(len / 3 * 4 + 5);
    assert_non_null(text);

    t = text;

    for (i = 0; i < len; i += 3) {
        n = len - i;

        v = (uint32_t) p[i] << 16
            | (uint32_t) (n > 1 ? p[i + 1] : 0) << 8
            | (uint32_t) (n > 2 ? p[i + 2] : 0);

        *t++ = abc[v >> 18];
        *t++ = abc[v >> 12 & 63];

        if (n > 1) {
            *t++ = abc[v >> 6 & 63];
        }

        if (n > 2) {
            *t++ = abc[v & 63];
        }
    }

    *t = '\0';

    return text;
}


/*
 * A new RSA key of so many bits, freed with EVP_PKEY_free().
 */
static inline EVP_PKEY *
social_unit_key(unsigned bits)
{
    EVP_PKEY  *pkey;

    pkey = EVP_RSA_gen(bits);
    assert_non_null(pkey);

    return pkey;
}


/*
 * One of the numbers of a key as base64url; the caller frees it.
 */
static inline char *
social_unit_number(const EVP_PKEY *pkey, const char *name)
{
    int             len;
    char           *text;
    BIGNUM         *bn;
    unsigned char   buf[2048];

    bn = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);

    len = BN_bn2bin(bn, buf);
    BN_free(bn);

    text = social_unit_base64url(buf, (size_t) len);

    return text;
}


/*
 * The public key as a JWK of that kid, or without one (NULL); "more" are
 * members to add, each with a comma before it.  The caller frees it.
 */
static inline char *
social_unit_jwk(const EVP_PKEY *pkey, const char *kid, const char *more)
{
    char  *n, *e, *text;

    n = social_unit_number(pkey, OSSL_PKEY_PARAM_RSA_N);
    e = social_unit_number(pkey, OSSL_PKEY_PARAM_RSA_E);

    if (kid == NULL) {
        assert_true(asprintf(&text, "{\"kty\":\"RSA\",\"n\":\"%s\","
                             "\"e\":\"%s\"%s}", n, e, more) > 0);
        free(n);
        free(e);

        return text;
    }

    assert_true(asprintf(&text, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\","
                         "\"e\":\"%s\"%s}", kid, n, e, more) > 0);
    free(n);
    free(e);

    return text;
}


/*
 * The same for a key on a curve, of OpenSSL's type "EC", "ED25519" or
 * "ED448"; "crv" is its name in a JWK.
 */
static inline char *
social_unit_curve_jwk(const EVP_PKEY *pkey, const char *crv, const char *kid,
    const char *more)
{
    char           *x, *y, *text;
    size_t          len, size;
    unsigned char   buf[256];

    assert_int_equal(EVP_PKEY_get_octet_string_param(pkey,
                         EVP_PKEY_is_a(pkey, "EC")
                         ? OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY
                         : OSSL_PKEY_PARAM_PUB_KEY,
                         buf, sizeof(buf), &len), 1);

    if (EVP_PKEY_is_a(pkey, "EC")) {
        assert_int_equal(buf[0], 0x04);
        size = (len - 1) / 2;

        x = social_unit_base64url(buf + 1, size);
        y = social_unit_base64url(buf + 1 + size, size);

        assert_true(asprintf(&text, "{\"kty\":\"EC\",\"crv\":\"%s\","
                             "\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}",
                             crv, kid, x, y, more) > 0);
        free(y);

    } else {
        x = social_unit_base64url(buf, len);
        assert_true(asprintf(&text, "{\"kty\":\"OKP\",\"crv\":\"%s\","
                             "\"kid\":\"%s\",\"x\":\"%s\"%s}",
                             crv, kid, x, more) > 0);
    }

    free(x);

    return text;
}


/*
 * Turns an ECDSA signature as OpenSSL makes it into r and s of "size" bytes
 * each, and returns their length.
 */
static inline size_t
social_unit_raw(const unsigned char *der, size_t len, unsigned char *raw,
    int size)
{
    ECDSA_SIG  *pair;

    pair = d2i_ECDSA_SIG(NULL, &der, (long) len);
    assert_non_null(pair);

    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, size), size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + size, size),
                     size);
    ECDSA_SIG_free(pair);

    return (size_t) size * 2;
}


/*
 * Signs the text by RS256; the caller frees the signature.
 */
static inline unsigned char *
social_unit_sign(EVP_PKEY *pkey, const char *text, size_t *len)
{
    EVP_MD_CTX     *ctx;
    unsigned char  *signature;

    ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);

    *len = (size_t) EVP_PKEY_get_size(pkey);
    signature = malloc(*len);
    assert_non_null(signature);

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey),
                     1);
    assert_int_equal(EVP_DigestSign(ctx, signature, len,
                                    (const unsigned char *) text,
                                    strlen(text)), 1);
    EVP_MD_CTX_free(ctx);

    return signature;
}


/*
 * A token with that header and that payload, signed by RS256, or with the
 * signature "c2ln" where there is no key; the caller frees it.
 */
static inline char *
social_unit_token(EVP_PKEY *pkey, const char *header, const char *payload)
{
    char           *h, *p, *s, *input, *token;
    size_t          len;
    unsigned char  *signature;

    h = social_unit_base64url((const unsigned char *) header, strlen(header));
    p = social_unit_base64url((const unsigned char *) payload,
                              strlen(payload));

    assert_true(asprintf(&input, "%s.%s", h, p) >= 0);

    if (pkey != NULL) {
        signature = social_unit_sign(pkey, input, &len);
        s = social_unit_base64url(signature, len);
        free(signature);

    } else {
        s = strdup("c2ln");
        assert_non_null(s);
    }

    len = strlen(input) + strlen(s) + 2;
    token = malloc(len);
    assert_non_null(token);
    snprintf(token, len, "%s.%s", input, s);

    free(h);
    free(p);
    free(s);
    free(input);

    return token;
}


#endif /* SOCIAL_UNIT_KEY_H */
