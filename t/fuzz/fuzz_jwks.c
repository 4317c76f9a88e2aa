
/*
 * Key sets, and checks of a signature by whatever keys they have.
 */

#include <openssl/err.h>
#include <openssl/evp.h>

#include "fuzz.h"
#include "social_jwks.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  bits;
    size_t               i;
    unsigned             a;
    const char          *why;
    social_rc_e          rc;
    social_str_t         text, signature;
    social_jwks_t       *jwks;
    const social_jwk_t  *jwk;
    social_algorithm_e   algorithm;

    text = fuzz_copy(data, size);

    rc = social_jwks_parse(text, SOCIAL_ALGORITHMS_ALL, SOCIAL_JWKS_MAX_KEYS,
                           &jwks, &why);

    /* whatever a key server says, it is not we who failed */

    FUZZ_CHECK(rc != SOCIAL_FAILED);
    FUZZ_CHECK((rc == SOCIAL_OK) == (jwks != NULL));
    FUZZ_CHECK(ERR_peek_error() == 0);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(why != NULL);
        fuzz_read(social_str(why));
        fuzz_free(text);
        return 0;
    }

    FUZZ_CHECK(jwks->count >= 1);
    FUZZ_CHECK(jwks->count <= SOCIAL_JWKS_MAX_KEYS);
    FUZZ_CHECK((jwks->skipped != 0) == (jwks->why != NULL));

    for (i = 0; i < jwks->count; i++) {

        jwk = &jwks->keys[i];
        fuzz_read(jwk->kid);

        FUZZ_CHECK(jwk->kid.len <= SOCIAL_JWK_MAX_KID);
        FUZZ_CHECK(jwk->algorithms != 0);
        FUZZ_CHECK((jwk->algorithms & ~SOCIAL_ALGORITHMS_ALL) == 0);

        for (algorithm = 0; algorithm < SOCIAL_ALGORITHM_END; algorithm++) {
            if (jwk->kid.len
                && (jwk->algorithms & social_algorithm_bit(algorithm)))
            {
                FUZZ_CHECK(social_jwks_find(jwks, jwk->kid, algorithm) == jwk);
            }
        }

        if (jwk->algorithms & (SOCIAL_ALGORITHMS_RS | SOCIAL_ALGORITHMS_PS)) {

            /* of one kind of key, and of no other */

            FUZZ_CHECK((jwk->algorithms
                        & ~(SOCIAL_ALGORITHMS_RS | SOCIAL_ALGORITHMS_PS))
                       == 0);

            bits = EVP_PKEY_get_bits(jwk->pkey);
            FUZZ_CHECK(bits >= SOCIAL_JWK_MIN_RSA_BITS
                       && bits <= SOCIAL_JWK_MAX_RSA_BITS);
        }

        /* the document's own beginning is not a valid signature */

        signature.data = text.data;
        signature.len = jwk->size < text.len ? jwk->size : text.len;

        for (a = SOCIAL_ALGORITHM_RS256; a < SOCIAL_ALGORITHM_END; a++) {
            FUZZ_CHECK(social_jwks_verify(jwks, jwk, (social_algorithm_e) a,
                                          text, signature)
                       == SOCIAL_DECLINED);
            FUZZ_CHECK(ERR_peek_error() == 0);
        }
    }

    social_jwks_free(jwks);
    fuzz_free(text);

    return 0;
}
