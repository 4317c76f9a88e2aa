
/*
 * A set of keys, and verification by one of them.
 *
 * A set keeps everything that a check needs set up: libjwt 1.10 parses its
 * PEM anew for every token (262 of the 315 us that a token took with it,
 * where a key kept parsed takes 16), and OpenSSL 3 looks algorithms up by
 * name whenever a context is made.
 */

#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "social_jwks.h"


static social_rc_e social_jwks_parse_keys(const social_json_t *keys,
    social_jwks_t *jwks, const char **why);
static social_rc_e social_jwks_make_digest(social_jwks_t *jwks);


social_rc_e
social_jwks_parse(social_str_t text, social_jwks_t **jwks, const char **why)
{
    social_rc_e                rc;
    social_jwks_t             *set;
    social_json_t             *json;
    const social_json_t       *keys;
    static const social_str_t  name = social_string("keys");

    *jwks = NULL;
    *why = "out of memory, or OpenSSL failed";

    rc = social_json_parse(text, &json);

    if (rc != SOCIAL_OK) {
        if (rc == SOCIAL_MALFORMED) {
            *why = "it is not a JSON object";
        }

        return rc;
    }

    set = calloc(1, sizeof(social_jwks_t));

    keys = social_json_member(json, name);

    if (set == NULL) {
        rc = SOCIAL_FAILED;

    } else if (!social_json_is_array(keys)) {
        *why = "it has no array \"keys\"";
        rc = SOCIAL_MALFORMED;

    } else if (social_json_count(keys) > SOCIAL_JWKS_MAX_KEYS) {
        *why = "it has more than 64 keys";
        rc = SOCIAL_MALFORMED;

    } else {
        rc = social_jwks_parse_keys(keys, set, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwks_make_digest(set);
    }

    social_json_free(json);

    /* OpenSSL leaves errors even where it succeeds */

    ERR_clear_error();

    if (rc != SOCIAL_OK) {
        social_jwks_free(set);
        return rc;
    }

    *jwks = set;

    return SOCIAL_OK;
}


static social_rc_e
social_jwks_parse_keys(const social_json_t *keys, social_jwks_t *jwks,
    const char **why)
{
    size_t         i, n;
    const char    *skipped;
    social_jwk_t   jwk;
    social_rc_e    rc;

    n = social_json_count(keys);

    for (i = 0; i < n; i++) {

        skipped = NULL;

        rc = social_jwk_parse(social_json_element(keys, i), &jwk, &skipped);

        if (rc == SOCIAL_FAILED) {
            return SOCIAL_FAILED;
        }

        if (rc == SOCIAL_OK && social_jwks_find(jwks, jwk.kid) != NULL) {
            social_jwk_free(&jwk);
            skipped = "two keys have one \"kid\", the first is used";
            rc = SOCIAL_DECLINED;
        }

        if (rc == SOCIAL_OK) {
            jwks->keys[jwks->count++] = jwk;
            continue;
        }

        if (jwks->skipped++ == 0) {
            jwks->why = skipped;
        }
    }

    if (jwks->count == 0) {
        *why = jwks->why ? jwks->why : "its array \"keys\" is empty";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_jwks_make_digest(social_jwks_t *jwks)
{
    jwks->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    jwks->digest = EVP_MD_CTX_new();

    return jwks->sha256 && jwks->digest ? SOCIAL_OK : SOCIAL_FAILED;
}


void
social_jwks_free(social_jwks_t *jwks)
{
    size_t  i;

    if (jwks == NULL) {
        return;
    }

    for (i = 0; i < jwks->count; i++) {
        social_jwk_free(&jwks->keys[i]);
    }

    EVP_MD_CTX_free(jwks->digest);
    EVP_MD_free(jwks->sha256);
    free(jwks);
}


const social_jwk_t *
social_jwks_find(const social_jwks_t *jwks, social_str_t kid)
{
    size_t  i;

    for (i = 0; i < jwks->count; i++) {
        if (social_str_eq(jwks->keys[i].kid, kid)) {
            return &jwks->keys[i];
        }
    }

    return NULL;
}


social_rc_e
social_jwks_verify(social_jwks_t *jwks, const social_jwk_t *jwk,
    social_str_t input, social_str_t signature)
{
    bool           failed;
    unsigned int   len;
    unsigned long  error;
    unsigned char  hash[EVP_MAX_MD_SIZE];

    /* RFC 8017, 8.2.2, step 1 */

    if (signature.len != (size_t) EVP_PKEY_get_size(jwk->pkey)) {
        return SOCIAL_DECLINED;
    }

    if (EVP_DigestInit_ex2(jwks->digest, jwks->sha256, NULL) <= 0
        || EVP_DigestUpdate(jwks->digest, input.data, input.len) <= 0
        || EVP_DigestFinal_ex(jwks->digest, hash, &len) <= 0)
    {
        ERR_clear_error();
        return SOCIAL_FAILED;
    }

    if (EVP_PKEY_verify(jwk->verifier, signature.data, signature.len,
                        hash, len)
        == 1)
    {
        return SOCIAL_OK;
    }

    /*
     * To OpenSSL a forgery and a lack of memory are failures alike, which
     * only its error queue tells apart.  The queue is emptied, for the next
     * TLS connection must not find anything there.
     */

    failed = false;

    while ((error = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
            failed = true;
        }
    }

    return failed ? SOCIAL_FAILED : SOCIAL_DECLINED;
}
