
/*
 * "social_presign": signing URLs and forms, with the credentials of the
 * bucket.
 */

#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"


/* seconds, for which a URL of the gateway's own is valid */
#define NGX_HTTP_SOCIAL_PRESIGN_OWN  300


static ngx_int_t ngx_http_social_presign_to(ngx_http_request_t *r,
    const social_bucket_t *target, int64_t limit, social_presign_t *presign,
    social_str_t *url);
static ngx_int_t ngx_http_social_presign_begin(ngx_http_request_t *r,
    int64_t limit, social_credentials_t *keys, int64_t *expires,
    social_buf_t *work, size_t size);


ngx_int_t
ngx_http_social_presign_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    return ngx_http_complex_value(r, plcf->key, key);
}


ngx_uint_t
ngx_http_social_presign_find_kind(ngx_http_social_presign_loc_conf_t *plcf,
    social_str_t *kind)
{
    ngx_uint_t     i;
    social_str_t  *kinds;

    kinds = plcf->kinds->elts;

    if (kind->len == 0) {
        *kind = kinds[0];
    }

    for (i = 0; i < plcf->kinds->nelts; i++) {
        if (social_str_eq(kinds[i], *kind)) {
            return 1;
        }
    }

    return 0;
}


social_str_t
ngx_http_social_presign_find_type(ngx_http_social_presign_loc_conf_t *plcf,
    social_str_t extension)
{
    ngx_uint_t     i;
    social_str_t  *types, type;

    type = social_upload_content_type(extension);
    types = plcf->types->elts;

    for (i = 0; i < plcf->types->nelts; i++) {
        if (social_str_eq(types[i], type)) {
            return type;
        }
    }

    type.len = 0;

    return type;
}


ngx_int_t
ngx_http_social_presign_url(ngx_http_request_t *r, social_presign_t *presign,
    social_str_t *url)
{
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    return ngx_http_social_presign_to(r, &plcf->bucket->public_target,
                                      plcf->expires, presign, url);
}


ngx_int_t
ngx_http_social_presign_own_url(ngx_http_request_t *r,
    social_presign_t *presign, social_str_t *url)
{
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    return ngx_http_social_presign_to(r, &plcf->bucket->target,
                                      NGX_HTTP_SOCIAL_PRESIGN_OWN, presign,
                                      url);
}


static ngx_int_t
ngx_http_social_presign_to(ngx_http_request_t *r,
    const social_bucket_t *target, int64_t limit, social_presign_t *presign,
    social_str_t *url)
{
    ngx_int_t             rc;
    social_buf_t          work;
    social_credentials_t  keys;

    rc = ngx_http_social_presign_begin(r, limit, &keys, &presign->expires,
                                       &work, NGX_HTTP_SOCIAL_PRESIGN_WORK);
    if (rc != NGX_OK) {
        return rc;
    }

    switch (social_presign(target, &keys, presign, ngx_time(), NULL, &work,
                           url))
    {
    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_MALFORMED:
        return NGX_DECLINED;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


ngx_int_t
ngx_http_social_presign_form(ngx_http_request_t *r,
    social_presign_form_t *form, social_presign_formed_t *formed)
{
    u_char                              *token;
    ngx_int_t                            rc;
    social_buf_t                         work;
    social_credentials_t                 keys;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    rc = ngx_http_social_presign_begin(r, plcf->expires, &keys,
                                       &form->expires, &work,
                                       SOCIAL_PRESIGN_FORM_SIZE);
    if (rc != NGX_OK) {
        return rc;
    }

    /* it is one of the fields, and they outlive this turn of the loop */

    if (keys.token.len) {

        token = ngx_pnalloc(r->pool, keys.token.len);
        if (token == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(token, keys.token.data, keys.token.len);
        keys.token.data = token;
    }

    switch (social_presign_form(&plcf->bucket->public_target, &keys, form,
                                ngx_time(), &work, formed))
    {
    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_MALFORMED:
        return NGX_DECLINED;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * "expires" may be less than the limit already.
 */

static ngx_int_t
ngx_http_social_presign_begin(ngx_http_request_t *r, int64_t limit,
    social_credentials_t *keys, int64_t *expires, social_buf_t *work,
    size_t size)
{
    u_char                              *data;
    int64_t                              wanted;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (ngx_http_social_bucket_credentials(plcf->bucket, keys) != NGX_OK) {
        return ngx_http_social_reply_unavailable(r);
    }

    wanted = *expires && *expires < limit ? *expires : limit;

    *expires = social_presign_expires(wanted, ngx_time(), keys->expires, 0);

    if (*expires == 0) {
        return ngx_http_social_reply_unavailable(r);
    }

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(work, data, size);

    return NGX_OK;
}


ngx_int_t
ngx_http_social_presign_bad_key(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "social: could not presign a URL of this key, check "
                  "\"social_presign_key\"");

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}
