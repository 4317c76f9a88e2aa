
/*
 * DPoP proofs for the unit tests, by a key on P-256 that is made for the run.
 */

#ifndef SOCIAL_UNIT_DPOP_H
#define SOCIAL_UNIT_DPOP_H


#include "social_unit_key.h"


/*
 * The text "header.payload.signature" by ES256, or with any signature at all if
 * there is no key; the caller frees it.
 */
static inline char *
social_unit_es256(EVP_PKEY *pkey, const char *header, const char *payload)
{
    char           *h, *p, *s, *input, *proof;
    size_t          len;
    EVP_MD_CTX     *ctx;
    unsigned char   der[128], raw[64];

    h = social_unit_base64url((const unsigned char *) header, strlen(header));
    p = social_unit_base64url((const unsigned char *) payload,
                              strlen(payload));

    assert_true(asprintf(&input, "%s.%s", h, p) >= 0);

    ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);

    len = sizeof(der);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey),
                     1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len,
                                    (const unsigned char *) input,
                                    strlen(input)), 1);
    EVP_MD_CTX_free(ctx);

    len = social_unit_raw(der, len, raw, 32);
    s = social_unit_base64url(raw, len);

    assert_true(asprintf(&proof, "%s.%s", input, s) >= 0);

    free(h);
    free(p);
    free(s);
    free(input);

    return proof;
}


#endif /* SOCIAL_UNIT_DPOP_H */
