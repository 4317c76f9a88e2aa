
/*
 * The credentials of this moment.
 */

#include "ngx_http_social_credentials_slot.h"
#include "social_net_private.h"


const social_credentials_t *
ngx_http_social_credentials_at_start(const ngx_http_social_credentials_t *c)
{
    return &c->start;
}


ngx_int_t
ngx_http_social_credentials_current(ngx_http_social_credentials_t *c,
    social_credentials_t *keys)
{
    if (c->slot == NULL) {
        *keys = c->start;
        return NGX_OK;
    }

    if (c->own->generation != c->slot->generation) {
        c->own->generation = ngx_http_social_credentials_load(c->slot,
                                                              &c->own->value);
    }

    if (c->own->value.access_key == 0
        || ngx_memcmp(c->own->value.id, c->id, sizeof(c->id)) != 0)
    {
        return NGX_DECLINED;
    }

    ngx_http_social_credentials_view(&c->own->value, keys);

    return social_credentials_expired(keys, ngx_time()) ? NGX_DECLINED
                                                        : NGX_OK;
}


ngx_int_t
ngx_http_social_credentials_copy(const ngx_http_social_credentials_t *c,
    social_net_credentials_t *to)
{
    ngx_int_t                             rc;
    social_credentials_t                  keys;
    ngx_http_social_credentials_value_t  *value;

    if (c->slot == NULL) {
        return social_net_credentials_copy(to, &c->start) == SOCIAL_OK
               ? NGX_OK : NGX_DECLINED;
    }

    value = social_net_private_alloc(
                                sizeof(ngx_http_social_credentials_value_t));
    if (value == NULL) {
        return NGX_DECLINED;
    }

    (void) ngx_http_social_credentials_load(c->slot, value);
    ngx_http_social_credentials_view(value, &keys);

    rc = NGX_DECLINED;

    if (value->access_key
        && ngx_memcmp(value->id, c->id, sizeof(c->id)) == 0
        && !social_credentials_expired(&keys, time(NULL))
        && social_net_credentials_copy(to, &keys) == SOCIAL_OK)
    {
        rc = NGX_OK;
    }

    social_net_private_free(value,
                            sizeof(ngx_http_social_credentials_value_t));

    return rc;
}
