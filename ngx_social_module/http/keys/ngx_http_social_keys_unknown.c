
/*
 * Kids that are unknown to the issuer: a fixed table, so that made-up ones
 * only replace each other.  It is only about waiting: a kid that is among the
 * keys is never looked up here.
 */

#include "ngx_http_social_keys.h"

#include <openssl/evp.h>


static ngx_http_social_keys_miss_t *ngx_http_social_keys_find_miss(
    ngx_http_social_keys_t *keys, social_str_t kid, u_char *id);


ngx_uint_t
ngx_http_social_keys_unknown(ngx_http_social_issuer_t *issuer,
    social_str_t kid)
{
    u_char                        id[EVP_MAX_MD_SIZE];
    ngx_http_social_keys_t       *keys;
    ngx_http_social_keys_miss_t  *miss;

    keys = issuer->keys;

    if (keys->slot == NULL) {

        /* a file is not fetched */

        return 1;
    }

    miss = ngx_http_social_keys_find_miss(keys, kid, id);

    if (miss == NULL || !miss->used
        || ngx_memcmp(miss->id, id, sizeof(miss->id)) != 0)
    {
        return 0;
    }

    return ngx_current_msec - miss->noted < issuer->cooldown;
}


void
ngx_http_social_keys_note_unknown(ngx_http_social_keys_t *keys,
    social_str_t kid)
{
    u_char                        id[EVP_MAX_MD_SIZE];
    ngx_http_social_keys_miss_t  *miss;

    miss = ngx_http_social_keys_find_miss(keys, kid, id);
    if (miss == NULL) {
        return;
    }

    miss->used = 1;
    miss->noted = ngx_current_msec;
    ngx_memcpy(miss->id, id, sizeof(miss->id));
}


/*
 * A digest, since two kids must not be confused, even by a client's design.
 */

static ngx_http_social_keys_miss_t *
ngx_http_social_keys_find_miss(ngx_http_social_keys_t *keys, social_str_t kid,
    u_char *id)
{
    if (!EVP_Digest(kid.data, kid.len, id, NULL, EVP_sha256(), NULL)) {
        return NULL;
    }

    /* a byte that is not compared chooses the slot */

    return &keys->unknown[id[16] % NGX_HTTP_SOCIAL_KEYS_UNKNOWN];
}
