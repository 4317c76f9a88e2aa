
/*
 * "social_presign": the content handler.
 *
 * The URL is made first, which takes a few microseconds and does not wait;
 * then the upload's row is written, and the client gets the URL when that is
 * durable.  The client never chooses a key: it is the operator's pattern with
 * values of the verified token.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_counters.h"
#include "ngx_http_social_reply.h"


static ngx_int_t ngx_http_social_presign_is_json(ngx_http_request_t *r);
static void ngx_http_social_presign_body(ngx_http_request_t *r,
    social_str_t body);


ngx_int_t
ngx_http_social_presign_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_http_social_auth_ctx_t          *identity;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    ngx_http_social_count_answer(r, NGX_HTTP_SOCIAL_COUNT_PRESIGN, 0);

    if (r->method != NGX_HTTP_POST
        && plcf->mode != NGX_HTTP_SOCIAL_PRESIGN_MULTIPART)
    {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_POST && !ngx_http_social_presign_is_json(r)) {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    if (plcf->mode == NGX_HTTP_SOCIAL_PRESIGN_MULTIPART) {
        return ngx_http_social_presign_multipart(r);
    }

    return ngx_http_social_read_body(r, SOCIAL_UPLOAD_MAX_BODY,
                                     ngx_http_social_presign_body);
}


static ngx_int_t
ngx_http_social_presign_is_json(ngx_http_request_t *r)
{
    social_str_t               type;
    static const social_str_t  json = social_string("application/json");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = ngx_http_social_view(&r->headers_in.content_type->value);

    if (type.len > json.len
        && (type.data[json.len] == ';' || type.data[json.len] == ' '))
    {
        type.len = json.len;
    }

    return social_str_caseeq(type, json);
}


static void
ngx_http_social_presign_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                            rc;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_presign_ctx_t));

    if (ctx == NULL || ngx_http_social_presign_uuid(r, &ctx->id) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_social_presign_module);

    switch (plcf->mode) {

    case NGX_HTTP_SOCIAL_PRESIGN_PUT:
        rc = ngx_http_social_presign_put(r, body);
        break;

    case NGX_HTTP_SOCIAL_PRESIGN_POST:
        rc = ngx_http_social_presign_post(r, body);
        break;

    case NGX_HTTP_SOCIAL_PRESIGN_SIGN:
        rc = ngx_http_social_presign_sign(r, body);
        break;

    default:
        rc = ngx_http_social_presign_avatar(r, body);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}
