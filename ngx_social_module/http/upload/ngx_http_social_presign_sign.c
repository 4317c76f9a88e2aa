
/*
 * "social_presign ... sign": a URL for one request to S3 at a time, which the
 * client says, as Uppy's signRequest() does.  Nothing is asked of S3 here: the
 * client begins, lists, completes and aborts uploads in parts by itself.
 *
 * For the whole of an object, a client that can send a form gets one: S3
 * enforces the type and the size of that.
 *
 * Each key is below the prefix of the user, and an upload in parts belongs to
 * a key, which S3 compares: so what is signed for one user is of no use for
 * what another one has.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"
#include "social_sign_request.h"
#include "social_time.h"


static ngx_int_t ngx_http_social_presign_sign_request(ngx_http_request_t *r,
    social_sign_request_t *sign);
static ngx_int_t ngx_http_social_presign_sign_key(ngx_http_request_t *r,
    social_sign_request_t *sign, ngx_str_t *key);
static ngx_int_t ngx_http_social_presign_sign_url(ngx_http_request_t *r,
    social_sign_request_t *sign, ngx_http_social_presign_upload_t *upload,
    social_str_t type, social_str_t *url);
static ngx_int_t ngx_http_social_presign_sign_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload, social_str_t url);
static social_str_t ngx_http_social_presign_sign_extension(ngx_str_t *key);


ngx_int_t
ngx_http_social_presign_sign(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t              rc;
    social_sign_request_t  sign;

    switch (social_sign_request_read(body, &sign)) {

    case SOCIAL_OK:
        rc = ngx_http_social_presign_sign_request(r, &sign);
        break;

    case SOCIAL_DECLINED:
        rc = ngx_http_social_presign_errors(r, sign.errors, sign.error_count,
                                            422);
        break;

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_sign_request_free(&sign);

    return rc;
}


static ngx_int_t
ngx_http_social_presign_sign_request(ngx_http_request_t *r,
    social_sign_request_t *sign)
{
    ngx_int_t                            rc;
    ngx_uint_t                           begins;
    social_str_t                         type, url;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_upload_t     upload;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    ngx_memzero(&upload, sizeof(ngx_http_social_presign_upload_t));

    upload.kind = sign->kind;

    if (!ngx_http_social_presign_find_kind(plcf, &upload.kind)) {
        return ngx_http_social_reply_field(r, "kind",
                   "must be one of the kinds that are accepted here");
    }

    rc = ngx_http_social_presign_sign_key(r, sign, &upload.key);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx->status = NGX_HTTP_OK;

    /* an upload is recorded when it begins */

    begins = (sign->operation == SOCIAL_SIGN_PUT
              || sign->operation == SOCIAL_SIGN_CREATE);

    type = ngx_http_social_presign_find_type(plcf,
                         ngx_http_social_presign_sign_extension(&upload.key));

    if (begins && type.len == 0) {
        return ngx_http_social_reply_field(r, "key", "must end with the file "
                                           "name extension of a type that is "
                                           "accepted here");
    }

    if (sign->form && plcf->form) {
        upload.content_type = type;
        upload.expires_in = sign->expires;

        rc = ngx_http_social_presign_make_post(r, &upload);

    } else {
        rc = ngx_http_social_presign_sign_url(r, sign, &upload, type, &url);

        if (rc == NGX_OK) {
            rc = ngx_http_social_presign_sign_answer(r, &upload, url);
        }
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_social_reply_field(r, "key", "must not be longer than "
                                           "a key may be, and must not have "
                                           "dots as a segment");
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return begins ? ngx_http_social_presign_record(r, &upload)
                  : ngx_http_social_reply_json(r, ctx->status, &ctx->answer);
}


/*
 * The prefix of a subject with a slash is within that of another one.
 */

static ngx_int_t
ngx_http_social_presign_sign_key(ngx_http_request_t *r,
    social_sign_request_t *sign, ngx_str_t *key)
{
    u_char                      *p;
    size_t                       size;
    ngx_str_t                    prefix;
    social_buf_t                 b;
    social_str_t                 made;
    ngx_http_social_auth_ctx_t  *identity;

    if (ngx_http_social_auth_identity(r, &identity) != NGX_OK
        || ngx_http_social_presign_key(r, &prefix) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (identity->claims.subject.len == 0
        || ngx_strlchr((u_char *) identity->claims.subject.data,
                       (u_char *) identity->claims.subject.data
                       + identity->claims.subject.len, '/')
           != NULL)
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: keys of a subject with a slash are not signed");
        return NGX_HTTP_FORBIDDEN;
    }

    size = prefix.len + sign->key.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);
    made = social_sign_request_key(&b, ngx_http_social_view(&prefix),
                                   sign->key);

    ngx_http_social_from_str(key, made);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_presign_sign_url(ngx_http_request_t *r,
    social_sign_request_t *sign, ngx_http_social_presign_upload_t *upload,
    social_str_t type, social_str_t *url)
{
    ngx_int_t                            rc;
    u_char                               query[3 * SOCIAL_SIGN_MAX_UPLOAD
                                               + 128];
    social_buf_t                         b;
    social_presign_t                     presign;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    social_buf_init(&b, query, sizeof(query));

    if (sign->operation == SOCIAL_SIGN_PUT) {

        /* as the URL of an avatar */

        social_buf_text(&b, "x-social-max-size=");
        social_buf_number(&b, plcf->max_size);
        social_buf_text(&b, "&x-social-type=");
        social_uri_encode(&b, type, 0);

    } else {
        social_sign_request_query(&b, sign);
    }

    if (b.rc != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&presign, sizeof(social_presign_t));

    presign.method = sign->method;
    presign.key = ngx_http_social_view(&upload->key);
    presign.query = social_buf_since(&b, 0);
    presign.expires = sign->expires;

    rc = ngx_http_social_presign_url(r, &presign, url);

    upload->expires_in = presign.expires;

    return rc;
}


static ngx_int_t
ngx_http_social_presign_sign_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload, social_str_t url)
{
    u_char                         *p;
    u_char                          when[SOCIAL_TIME_ISO_SIZE];
    social_str_t                    key;
    ngx_http_social_presign_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    p = ngx_pnalloc(r->pool, 256 + url.len + 6 * upload->key.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answer.data = p;

    social_time_iso(ngx_time() + upload->expires_in, when);

    key.data = upload->key.data;
    key.len = upload->key.len;

    p = ngx_sprintf(p, "{\"url\":\"%*s\",\"key\":\"", url.len, url.data);
    p = social_json_escape(p, key);
    p = ngx_sprintf(p, "\",\"expiresIn\":%L,\"expiresAt\":\"%*s\"}",
                    upload->expires_in, (size_t) SOCIAL_TIME_ISO_SIZE, when);

    ctx->answer.len = p - ctx->answer.data;

    return NGX_OK;
}


static social_str_t
ngx_http_social_presign_sign_extension(ngx_str_t *key)
{
    size_t        i;
    social_str_t  extension;

    extension.data = key->data;
    extension.len = 0;

    for (i = key->len; i > 0 && key->data[i - 1] != '/'; i--) {

        if (key->data[i - 1] == '.') {
            extension.data = key->data + i;
            extension.len = key->len - i;
            break;
        }
    }

    return extension;
}
