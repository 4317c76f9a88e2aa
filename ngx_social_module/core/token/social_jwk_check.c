
/*
 * The check of one signature in a thread: a set of one key, which is made of a
 * shared one where the check is run.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "social_jwk_check.h"


struct social_jwk_check_s {
    social_jwks_t       *set;          /* owned, of one key */
    social_algorithm_e   algorithm;
    social_str_t         input;        /* in "buf" */
    social_str_t         signature;    /* there, too */
    unsigned char        buf[];
};


social_jwk_check_t *
social_jwk_check_create(const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature)
{
    social_jwk_check_t  *check;

    check = malloc(sizeof(social_jwk_check_t) + input.len + signature.len);
    if (check == NULL) {
        return NULL;
    }

    memset(check, 0, sizeof(social_jwk_check_t));

    check->set = calloc(1, sizeof(social_jwks_t));

    if (check->set != NULL) {
        check->set->keys = calloc(1, sizeof(social_jwk_t));
    }

    if (check->set == NULL || check->set->keys == NULL
        || social_jwk_share(jwk, algorithm, check->set->keys) != SOCIAL_OK)
    {
        social_jwk_check_free(check);
        return NULL;
    }

    check->set->count = 1;
    check->algorithm = algorithm;

    memcpy(check->buf, input.data, input.len);
    memcpy(check->buf + input.len, signature.data, signature.len);

    check->input.data = check->buf;
    check->input.len = input.len;
    check->signature.data = check->buf + input.len;
    check->signature.len = signature.len;

    return check;
}


social_rc_e
social_jwk_check_run(social_jwk_check_t *check)
{
    if (social_jwk_ready(check->set->keys) != SOCIAL_OK
        || social_jwks_ready(check->set) != SOCIAL_OK)
    {
        ERR_clear_error();
        return SOCIAL_FAILED;
    }

    return social_jwks_verify(check->set, check->set->keys, check->algorithm,
                              check->input, check->signature);
}


void
social_jwk_check_free(social_jwk_check_t *check)
{
    if (check == NULL) {
        return;
    }

    social_jwks_free(check->set);
    free(check);
}
