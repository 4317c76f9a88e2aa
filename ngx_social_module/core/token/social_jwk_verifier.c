
/*
 * What a key verifies by, and which verifications are for a thread.
 */

#include <string.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "social_jwk.h"


static social_rc_e social_jwk_make_verifier(social_jwk_t *jwk,
    social_algorithm_e algorithm);
static social_rc_e social_jwk_set_padding(EVP_PKEY_CTX *verifier,
    social_algorithm_e algorithm);


/*
 * Setting a verification up costs OpenSSL 3 several look-ups of names; the
 * result may be used for any number of signatures, one after the other.
 */

social_rc_e
social_jwk_ready(social_jwk_t *jwk)
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


/*
 * Chooses the padding of a verification that has been initialized.
 */

static social_rc_e
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


bool
social_jwk_is_slow(const social_jwk_t *jwk, social_algorithm_e algorithm)
{
    switch (algorithm) {

    case SOCIAL_ALGORITHM_ES384:
    case SOCIAL_ALGORITHM_ES512:
    case SOCIAL_ALGORITHM_ED448:
        return true;

    case SOCIAL_ALGORITHM_EDDSA:
        return jwk->size == SOCIAL_JWK_ED448_SIGNATURE;

    case SOCIAL_ALGORITHM_ES256:
    case SOCIAL_ALGORITHM_ED25519:
        return false;

    default: /* RSA, whose signatures are as long as the key */
        return jwk->size > SOCIAL_JWK_FAST_RSA_BITS / 8;
    }
}


social_rc_e
social_jwk_share(const social_jwk_t *jwk, social_algorithm_e algorithm,
    social_jwk_t *copy)
{
    memset(copy, 0, sizeof(social_jwk_t));

    if ((jwk->algorithms & social_algorithm_bit(algorithm)) == 0) {
        return SOCIAL_DECLINED;
    }

    if (!EVP_PKEY_up_ref(jwk->pkey)) {
        return SOCIAL_FAILED;
    }

    copy->algorithms = social_algorithm_bit(algorithm);
    copy->size = jwk->size;
    copy->pkey = jwk->pkey;

    return SOCIAL_OK;
}
