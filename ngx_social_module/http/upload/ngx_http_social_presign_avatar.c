
/*
 * "social_presign ... avatar": the original client's shape, {"extension":
 * "jpg"} in, {"url"} out.  It sends an arbitrary Content-Type and no size
 * beforehand, so that only the host can be signed.  What it may be is in the
 * query, and signed with it: the embedded store enforces that, and S3, which
 * has no such thing, ignores parameters that begin with "x-" (S3 User Guide,
 * "Amazon S3 server access log format").
 */

#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"


static social_rc_e ngx_http_social_presign_avatar_type(ngx_http_request_t *r,
    social_str_t body, social_str_t *type);


ngx_int_t
ngx_http_social_presign_avatar(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                            rc;
    u_char                               query[128];
    social_buf_t                         b;
    social_str_t                         type, url;
    social_presign_t                     presign;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_upload_t     upload;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    switch (ngx_http_social_presign_avatar_type(r, body, &type)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        return ngx_http_social_reply_field(r, "extension",
                   "must be that of an image type that is accepted here");

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* of the type, not the client's own spelling: it becomes part of a key */

    ctx->extension = social_upload_extension(type);
    ctx->status = NGX_HTTP_OK;

    ngx_memzero(&upload, sizeof(ngx_http_social_presign_upload_t));
    upload.kind = social_str("avatar");

    if (ngx_http_social_presign_key(r, &upload.key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, query, sizeof(query));
    social_buf_text(&b, "x-social-max-size=");
    social_buf_number(&b, plcf->max_size);
    social_buf_text(&b, "&x-social-type=");
    social_uri_encode(&b, type, 0);

    ngx_memzero(&presign, sizeof(social_presign_t));

    presign.method = social_str("PUT");
    presign.key = ngx_http_social_view(&upload.key);
    presign.query = social_buf_since(&b, 0);

    rc = ngx_http_social_presign_url(r, &presign, &url);

    if (rc == NGX_DECLINED) {
        return ngx_http_social_presign_bad_key(r);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    upload.expires_in = presign.expires;

    ctx->answer.data = ngx_pnalloc(r->pool, sizeof("{\"url\":\"\"}")
                                            + url.len);
    if (ctx->answer.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a URL of ours has no byte that JSON would escape */

    ctx->answer.len = ngx_sprintf(ctx->answer.data, "{\"url\":\"%*s\"}",
                                  url.len, url.data)
                      - ctx->answer.data;

    return ngx_http_social_presign_record(r, &upload);
}


/*
 * The type that the extension is of; SOCIAL_DECLINED: it is not accepted here.
 */

static social_rc_e
ngx_http_social_presign_avatar_type(ngx_http_request_t *r, social_str_t body,
    social_str_t *type)
{
    social_rc_e                          rc;
    social_str_t                         extension;
    social_json_t                       *json;
    ngx_http_social_presign_loc_conf_t  *plcf;
    static const social_str_t            name = social_string("extension");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    rc = social_json_parse(body, &json);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    type->len = 0;

    if (social_json_string(social_json_member(json, name), &extension)
        == SOCIAL_OK)
    {
        *type = ngx_http_social_presign_find_type(plcf, extension);
    }

    social_json_free(json);

    return type->len ? SOCIAL_OK : SOCIAL_DECLINED;
}
