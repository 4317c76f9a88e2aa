
/*
 * The names of claims in the configuration.
 */

#include "ngx_http_social_issuer.h"


char *
ngx_http_social_claim_conf(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    u_char                      *buf;
    const char                  *why;
    social_claim_path_t         *path;
    const social_claim_path_t  **field;

    field = ngx_http_social_conf_field(conf, entry);

    path = ngx_palloc(cf->pool, sizeof(social_claim_path_t));
    buf = ngx_pnalloc(cf->pool, value->len + 1);

    if (path == NULL || buf == NULL) {
        return NGX_CONF_ERROR;
    }

    if (social_claim_path_parse(ngx_http_social_view(value),
                                (social_claim_kind_e) entry->min, buf, path,
                                &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_invalid(cf, entry, value, "%s", why);
    }

    *field = path;

    return NGX_CONF_OK;
}
