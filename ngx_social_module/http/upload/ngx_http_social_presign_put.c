
/*
 * "social_presign ... put" and "... post": the client says what it is going to
 * upload, and gets a URL, or a form, for that and for nothing else.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"
#include "social_time.h"


/* of a row whose object's size only the policy limits, the size is not known */

#define NGX_HTTP_SOCIAL_PRESIGN_FIELDS  3


static ngx_int_t ngx_http_social_presign_declared(ngx_http_request_t *r,
    social_str_t body, ngx_int_t (*make)(ngx_http_request_t *r,
                                     ngx_http_social_presign_upload_t *upload));
static ngx_int_t ngx_http_social_presign_make_put(ngx_http_request_t *r,
    ngx_http_social_presign_upload_t *upload);
static ngx_int_t ngx_http_social_presign_put_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload, social_str_t url);
static ngx_int_t ngx_http_social_presign_post_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload,
    const social_presign_formed_t *formed);
static void ngx_http_social_presign_end(social_buf_t *b,
    const ngx_http_social_presign_upload_t *upload);
static void ngx_http_social_presign_escape(social_buf_t *b, social_str_t s);


ngx_int_t
ngx_http_social_presign_put(ngx_http_request_t *r, social_str_t body)
{
    return ngx_http_social_presign_declared(r, body,
                                            ngx_http_social_presign_make_put);
}


ngx_int_t
ngx_http_social_presign_post(ngx_http_request_t *r, social_str_t body)
{
    return ngx_http_social_presign_declared(r, body,
                                            ngx_http_social_presign_make_post);
}


static ngx_int_t
ngx_http_social_presign_declared(ngx_http_request_t *r, social_str_t body,
    ngx_int_t (*make)(ngx_http_request_t *r,
                      ngx_http_social_presign_upload_t *upload))
{
    ngx_int_t                            rc;
    ngx_uint_t                           status;
    social_upload_t                      declared;
    social_upload_policy_t               policy;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_upload_t     upload;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    policy.types = plcf->types->elts;
    policy.type_count = plcf->types->nelts;
    policy.kinds = plcf->kinds->elts;
    policy.kind_count = plcf->kinds->nelts;
    policy.max_size = (int64_t) plcf->max_size;
    policy.any_size = (plcf->mode == NGX_HTTP_SOCIAL_PRESIGN_POST);

    switch (social_upload_parse(body, &policy, &declared)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        status = declared.too_large ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                 : declared.wrong_type ? NGX_HTTP_UNSUPPORTED_MEDIA_TYPE : 422;

        rc = ngx_http_social_presign_errors(r, declared.errors,
                                            declared.error_count, status);
        social_upload_free(&declared);
        return rc;

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->extension = declared.extension;
    ctx->status = NGX_HTTP_CREATED;

    ngx_memzero(&upload, sizeof(ngx_http_social_presign_upload_t));

    upload.kind = declared.kind;
    upload.content_type = declared.content_type;
    upload.sha256 = declared.sha256;
    upload.size = declared.size;

    if (ngx_http_social_presign_key(r, &upload.key) != NGX_OK) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = make(r, &upload);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_social_presign_record(r, &upload);

    } else if (rc == NGX_DECLINED) {
        rc = ngx_http_social_presign_bad_key(r);
    }

    social_upload_free(&declared);

    return rc;
}


static ngx_int_t
ngx_http_social_presign_make_put(ngx_http_request_t *r,
    ngx_http_social_presign_upload_t *upload)
{
    size_t                               n;
    ngx_int_t                            rc;
    u_char                               length[NGX_INT64_LEN];
    social_str_t                         url;
    social_presign_t                     presign;
    social_sigv4_header_t                headers[4];
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    n = 0;

    headers[n].name = social_str("content-length");
    headers[n].value.data = length;
    headers[n].value.len = ngx_sprintf(length, "%L", upload->size) - length;
    n++;

    headers[n].name = social_str("content-type");
    headers[n].value = upload->content_type;
    n++;

    if (!plcf->overwrite) {
        headers[n].name = social_str("if-none-match");
        headers[n].value = social_str("*");
        n++;
    }

    if (upload->sha256.len) {
        headers[n].name = social_str("x-amz-checksum-sha256");
        headers[n].value = upload->sha256;
        n++;
    }

    ngx_memzero(&presign, sizeof(social_presign_t));

    presign.method = social_str("PUT");
    presign.key = ngx_http_social_view(&upload->key);
    presign.headers = headers;
    presign.header_count = n;

    rc = ngx_http_social_presign_url(r, &presign, &url);

    if (rc != NGX_OK) {
        return rc;
    }

    upload->expires_in = presign.expires;

    return ngx_http_social_presign_put_answer(r, upload, url);
}


static ngx_int_t
ngx_http_social_presign_put_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload, social_str_t url)
{
    u_char                              *p;
    size_t                               size;
    social_buf_t                         b;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    size = 512 + url.len + 6 * upload->key.len + upload->content_type.len
           + upload->sha256.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    /* neither a URL, a type nor base64 has a byte that JSON would escape */

    social_buf_text(&b, "{\"id\":\"");
    social_buf_put(&b, ngx_http_social_view(&ctx->id));
    social_buf_text(&b, "\",\"method\":\"PUT\",\"url\":\"");
    social_buf_put(&b, url);
    social_buf_text(&b, "\",\"headers\":{\"Content-Type\":\"");
    social_buf_put(&b, upload->content_type);

    if (!plcf->overwrite) {
        social_buf_text(&b, "\",\"If-None-Match\":\"*");
    }

    if (upload->sha256.len) {
        social_buf_text(&b, "\",\"x-amz-checksum-sha256\":\"");
        social_buf_put(&b, upload->sha256);
    }

    social_buf_text(&b, "\"}");
    ngx_http_social_presign_end(&b, upload);

    ctx->answer.data = p;
    ctx->answer.len = b.len;

    return b.rc == SOCIAL_OK ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_social_presign_make_post(ngx_http_request_t *r,
    ngx_http_social_presign_upload_t *upload)
{
    size_t                               n;
    ngx_int_t                            rc;
    social_presign_form_t                form;
    social_sigv4_header_t                fields[NGX_HTTP_SOCIAL_PRESIGN_FIELDS];
    social_presign_formed_t              formed;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    n = 0;

    fields[n].name = social_str("Content-Type");
    fields[n].value = upload->content_type;
    n++;

    fields[n].name = social_str("success_action_status");
    fields[n].value = social_str("201");
    n++;

    if (upload->sha256.len) {
        fields[n].name = social_str("x-amz-checksum-sha256");
        fields[n].value = upload->sha256;
        n++;
    }

    ngx_memzero(&form, sizeof(social_presign_form_t));

    form.key = ngx_http_social_view(&upload->key);
    form.min = upload->size ? upload->size : 1;
    form.max = upload->size ? upload->size : (int64_t) plcf->max_size;
    form.fields = fields;
    form.field_count = n;
    form.expires = upload->expires_in;

    rc = ngx_http_social_presign_form(r, &form, &formed);

    if (rc != NGX_OK) {
        return rc;
    }

    upload->expires_in = form.expires;

    return ngx_http_social_presign_post_answer(r, upload, &formed);
}


static ngx_int_t
ngx_http_social_presign_post_answer(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload,
    const social_presign_formed_t *formed)
{
    u_char                              *p;
    size_t                               i, size;
    social_buf_t                         b;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    size = 512 + formed->url.len + 6 * upload->key.len;

    for (i = 0; i < formed->count; i++) {
        size += 6 * (formed->fields[i].name.len + formed->fields[i].value.len
                     + 6);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    social_buf_text(&b, "{\"id\":\"");
    social_buf_put(&b, ngx_http_social_view(&ctx->id));
    social_buf_text(&b, "\",\"method\":\"POST\",\"url\":\"");
    social_buf_put(&b, formed->url);
    social_buf_text(&b, "\",\"fields\":{");

    for (i = 0; i < formed->count; i++) {
        social_buf_text(&b, i ? ",\"" : "\"");
        ngx_http_social_presign_escape(&b, formed->fields[i].name);
        social_buf_text(&b, "\":\"");
        ngx_http_social_presign_escape(&b, formed->fields[i].value);
        social_buf_text(&b, "\"");
    }

    social_buf_text(&b, "}");

    if (plcf->mode == NGX_HTTP_SOCIAL_PRESIGN_MULTIPART) {

        /* Companion's name for it */

        social_buf_text(&b, ",\"expires\":");
        social_buf_number(&b, upload->expires_in);
    }

    ngx_http_social_presign_end(&b, upload);

    ctx->answer.data = p;
    ctx->answer.len = b.len;

    return b.rc == SOCIAL_OK ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_http_social_presign_end(social_buf_t *b,
    const ngx_http_social_presign_upload_t *upload)
{
    u_char        when[SOCIAL_TIME_ISO_SIZE];
    social_str_t  key;

    key.data = upload->key.data;
    key.len = upload->key.len;

    social_time_iso(ngx_time() + upload->expires_in, when);

    social_buf_text(b, ",\"key\":\"");
    ngx_http_social_presign_escape(b, key);
    social_buf_text(b, "\",\"expiresIn\":");
    social_buf_number(b, upload->expires_in);
    social_buf_text(b, ",\"expiresAt\":\"");
    social_buf_put(b, (social_str_t) { sizeof(when), when });
    social_buf_text(b, "\"}");
}


/*
 * There is room for it: six bytes for each.
 */

static void
ngx_http_social_presign_escape(social_buf_t *b, social_str_t s)
{
    u_char  *end;

    if (b->rc != SOCIAL_OK || b->size - b->len < 6 * s.len) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return;
    }

    end = social_json_escape(b->data + b->len, s);
    b->len = end - b->data;
}


ngx_int_t
ngx_http_social_presign_errors(ngx_http_request_t *r,
    const social_upload_error_t *errors, ngx_uint_t n, ngx_uint_t status)
{
    size_t      size;
    u_char     *p;
    ngx_str_t   body, id;
    ngx_uint_t  i;

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = sizeof("{\"message\":\" \",\"errors\":{},\"requestId\":\"\"}")
           + id.len + ngx_strlen(errors[0].field) + ngx_strlen(errors[0].why);

    for (i = 0; i < n; i++) {
        size += sizeof(",\"\":\"\"") + ngx_strlen(errors[i].field)
                + ngx_strlen(errors[i].why);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;

    p = ngx_sprintf(p, "{\"message\":\"%s %s\",\"errors\":{",
                    errors[0].field, errors[0].why);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s\"%s\":\"%s\"", i ? "," : "", errors[i].field,
                        errors[i].why);
    }

    p = ngx_sprintf(p, "},\"requestId\":\"%V\"}", &id);

    body.len = p - body.data;

    return ngx_http_social_reply_json(r, status, &body);
}
