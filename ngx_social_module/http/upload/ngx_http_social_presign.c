
/*
 * "social_presign": the content handler.
 *
 * The URL is made first, which takes a few microseconds and does not wait;
 * then the upload's row is written, and the client gets the URL when that is
 * durable.  The client never chooses a key: it is the operator's pattern with
 * values of the verified token.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"
#include "social_time.h"

#include <openssl/rand.h>


#define NGX_HTTP_SOCIAL_PRESIGN_WORK  32768


typedef struct {
    social_str_t        kind;
    social_str_t        content_type;
    social_str_t        sha256;
    int64_t             size;          /* 0: not known, and not signed */
    ngx_str_t           key;
    social_str_t        url;
    int64_t             expires_in;
} ngx_http_social_presigned_t;


static ngx_int_t ngx_http_social_presign_is_json(ngx_http_request_t *r);
static void ngx_http_social_presign_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_presign_put(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_presign_errors(ngx_http_request_t *r,
    social_upload_t *upload);
static ngx_int_t ngx_http_social_presign_avatar(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_presign_sign(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p);
static ngx_int_t ngx_http_social_presign_answer(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p);
static ngx_int_t ngx_http_social_presign_record(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p);
static void ngx_http_social_presign_recorded(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);


/*
 * An upload that has been created is the same one, by its id.  It locks the
 * user and the key.
 */

static const ngx_http_social_statement_t  ngx_http_social_presign_statement = {
    .sql = "SELECT social_upload_create($1::uuid, $2, $3, $4, $5, $6, $7, $8,"
           " $9::bigint, $10, $11::interval)",
    .repeat = 1,
    .share = 1,
    .keys = { 2, 6 },
    .batch = "SELECT * FROM social_uploads_create($1, $2, $3, $4, $5, $6, $7,"
             " $8, $9, $10, $11)"
};


ngx_int_t
ngx_http_social_presign_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_social_auth_ctx_t  *identity;

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_social_reply_unauthorized(r);
    }

    if (!ngx_http_social_presign_is_json(r)) {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
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

    rc = plcf->mode == NGX_HTTP_SOCIAL_PRESIGN_PUT
         ? ngx_http_social_presign_put(r, body)
         : ngx_http_social_presign_avatar(r, body);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_http_social_presign_put(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                            rc;
    social_upload_t                      upload;
    social_upload_policy_t               policy;
    ngx_http_social_presigned_t          p;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    policy.types = plcf->types->elts;
    policy.type_count = plcf->types->nelts;
    policy.kinds = plcf->kinds->elts;
    policy.kind_count = plcf->kinds->nelts;
    policy.max_size = (int64_t) plcf->max_size;

    switch (social_upload_parse(body, &policy, &upload)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        rc = ngx_http_social_presign_errors(r, &upload);
        social_upload_free(&upload);
        return rc;

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->extension = upload.extension;
    ctx->status = NGX_HTTP_CREATED;

    ngx_memzero(&p, sizeof(ngx_http_social_presigned_t));

    p.kind = upload.kind;
    p.content_type = upload.content_type;
    p.sha256 = upload.sha256;
    p.size = upload.size;

    rc = ngx_http_social_presign_sign(r, &p);

    if (rc == NGX_OK) {
        rc = ngx_http_social_presign_answer(r, &p);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_social_presign_record(r, &p);
    }

    social_upload_free(&upload);

    return rc;
}


/*
 * 413 or 415 where that is the only error, otherwise 422; each names every
 * invalid field.
 */

static ngx_int_t
ngx_http_social_presign_errors(ngx_http_request_t *r, social_upload_t *upload)
{
    size_t      i, size;
    u_char     *p;
    ngx_str_t   body, id;
    ngx_uint_t  status;

    status = upload->too_large ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
             : upload->wrong_type ? NGX_HTTP_UNSUPPORTED_MEDIA_TYPE : 422;

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = sizeof("{\"message\":\" \",\"errors\":{},\"requestId\":\"\"}")
           + id.len + ngx_strlen(upload->errors[0].field)
           + ngx_strlen(upload->errors[0].why);

    for (i = 0; i < upload->error_count; i++) {
        size += sizeof(",\"\":\"\"") + ngx_strlen(upload->errors[i].field)
                + ngx_strlen(upload->errors[i].why);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;

    p = ngx_sprintf(p, "{\"message\":\"%s %s\",\"errors\":{",
                    upload->errors[0].field, upload->errors[0].why);

    for (i = 0; i < upload->error_count; i++) {
        p = ngx_sprintf(p, "%s\"%s\":\"%s\"", i ? "," : "",
                        upload->errors[i].field, upload->errors[i].why);
    }

    p = ngx_sprintf(p, "},\"requestId\":\"%V\"}", &id);

    body.len = p - body.data;

    return ngx_http_social_reply_json(r, status, &body);
}


/*
 * The original client's shape: {"extension":"jpg"} in, {"url"} out.  It sends
 * an arbitrary Content-Type and no size beforehand, so that only the host can
 * be signed.
 */

static ngx_int_t
ngx_http_social_presign_avatar(ngx_http_request_t *r, social_str_t body)
{
    size_t                               i;
    ngx_int_t                            rc;
    social_str_t                         extension, type, *types;
    social_json_t                       *json;
    ngx_http_social_presigned_t          p;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;
    static const social_str_t            name = social_string("extension");
    static const social_str_t            avatar = social_string("avatar");

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    switch (social_json_parse(body, &json)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");
    }

    type.len = 0;

    if (social_json_string(social_json_member(json, name), &extension)
        == SOCIAL_OK)
    {
        type = social_upload_content_type(extension);
    }

    social_json_free(json);

    types = plcf->types->elts;

    for (i = 0; i < plcf->types->nelts; i++) {
        if (type.len && social_str_eq(types[i], type)) {
            break;
        }
    }

    if (i == plcf->types->nelts) {
        return ngx_http_social_reply_field(r, "extension",
                   "must be that of an image type that is accepted here");
    }

    /* of the type, not the client's own spelling: it becomes part of a key */

    ctx->extension = social_upload_extension(type);
    ctx->status = NGX_HTTP_OK;

    ngx_memzero(&p, sizeof(ngx_http_social_presigned_t));

    p.kind = avatar;

    rc = ngx_http_social_presign_sign(r, &p);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->answer.data = ngx_pnalloc(r->pool, sizeof("{\"url\":\"\"}")
                                            + p.url.len);
    if (ctx->answer.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a URL of ours has no byte that JSON would escape */

    ctx->answer.len = ngx_sprintf(ctx->answer.data, "{\"url\":\"%*s\"}",
                                  p.url.len, p.url.data)
                      - ctx->answer.data;

    return ngx_http_social_presign_record(r, &p);
}


static ngx_int_t
ngx_http_social_presign_sign(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p)
{
    size_t                               n;
    u_char                              *data;
    u_char                               length[NGX_INT64_LEN];
    social_rc_e                          rc;
    social_buf_t                         work;
    social_presign_t                     presign;
    social_credentials_t                 keys;
    social_sigv4_header_t                headers[3];
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (ngx_http_complex_value(r, plcf->key, &p->key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = 0;

    if (p->size) {
        headers[n].name = social_str("content-length");
        headers[n].value.data = length;
        headers[n].value.len = ngx_sprintf(length, "%L", p->size) - length;
        n++;

        headers[n].name = social_str("content-type");
        headers[n].value = p->content_type;
        n++;
    }

    if (p->sha256.len) {
        headers[n].name = social_str("x-amz-checksum-sha256");
        headers[n].value = p->sha256;
        n++;
    }

    if (ngx_http_social_bucket_credentials(plcf->bucket, &keys) != NGX_OK) {
        return ngx_http_social_reply_unavailable(r);
    }

    p->expires_in = social_presign_expires(plcf->expires, ngx_time(),
                                           keys.expires, 0);
    if (p->expires_in == 0) {
        return ngx_http_social_reply_unavailable(r);
    }

    ngx_memzero(&presign, sizeof(social_presign_t));

    presign.method = social_str("PUT");
    presign.key = ngx_http_social_view(&p->key);
    presign.expires = p->expires_in;
    presign.headers = headers;
    presign.header_count = n;

    data = ngx_pnalloc(r->pool, NGX_HTTP_SOCIAL_PRESIGN_WORK);
    if (data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&work, data, NGX_HTTP_SOCIAL_PRESIGN_WORK);

    rc = social_presign(&plcf->bucket->public_target,
                        &keys, &presign,
                        ngx_time(), NULL, &work, &p->url);

    if (rc == SOCIAL_OK) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "social: could not presign a URL of this key, check "
                  "\"social_presign_key\"");

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_social_presign_answer(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p)
{
    u_char                         *last;
    u_char                          when[SOCIAL_TIME_ISO_SIZE];
    ngx_http_social_presign_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    last = ngx_pnalloc(r->pool, 256 + p->url.len + 6 * p->key.len
                                + p->content_type.len + p->sha256.len
                                + 2 * NGX_INT64_LEN);
    if (last == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answer.data = last;

    social_time_iso(ngx_time() + p->expires_in, when);

    last = ngx_sprintf(last, "{\"id\":\"%V\",\"method\":\"PUT\","
                             "\"url\":\"%*s\",\"headers\":"
                             "{\"Content-Type\":\"%*s\"",
                       &ctx->id, p->url.len, p->url.data,
                       p->content_type.len, p->content_type.data);

    if (p->sha256.len) {
        last = ngx_sprintf(last, ",\"x-amz-checksum-sha256\":\"%*s\"",
                           p->sha256.len, p->sha256.data);
    }

    last = ngx_cpymem(last, "},\"key\":\"", sizeof("},\"key\":\"") - 1);
    last = social_json_escape(last, ngx_http_social_view(&p->key));
    last = ngx_sprintf(last, "\",\"expiresIn\":%L,\"expiresAt\":\"%*s\"}",
                       p->expires_in, (size_t) SOCIAL_TIME_ISO_SIZE, when);

    ctx->answer.len = last - ctx->answer.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_presign_record(ngx_http_request_t *r,
    ngx_http_social_presigned_t *p)
{
    u_char                               size[NGX_INT64_LEN];
    u_char                               expires[NGX_INT64_LEN + 8];
    social_pq_param_t                    params[11];
    ngx_http_social_auth_ctx_t          *identity;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (ngx_http_social_auth_identity(r, &identity) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(params, sizeof(params));

    params[0].value = ngx_http_social_view(&ctx->id);
    params[1].value = ngx_http_social_view(&identity->issuer->issuer);
    params[2].value = identity->claims.subject;
    params[3].value = identity->claims.username;
    params[4].value = p->kind;
    params[5].value = ngx_http_social_view(&plcf->bucket->bucket);
    params[6].value = ngx_http_social_view(&p->key);
    params[7].value = p->content_type;
    params[7].null = (p->content_type.len == 0);
    params[8].value.data = size;
    params[8].value.len = ngx_sprintf(size, "%L", p->size) - size;
    params[8].null = (p->size == 0);
    params[9].value = p->sha256;
    params[9].null = (p->sha256.len == 0);
    params[10].value.data = expires;
    params[10].value.len = ngx_sprintf(expires, "%L seconds", p->expires_in)
                           - expires;

    if (ngx_http_social_query_statement(r, &ngx_http_social_presign_statement,
                                        params, 11,
                                        ngx_http_social_presign_recorded, ctx)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_social_presign_recorded(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_int_t                       rc;
    social_str_t                    id;
    ngx_http_social_presign_ctx_t  *ctx = data;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        /* no row: the user was deleted, and a token has not expired yet */

        rc = social_pq_result_value(result, 0, 0, &id)
             ? ngx_http_social_reply_json(r, ctx->status, &ctx->answer)
             : NGX_HTTP_FORBIDDEN;
        break;

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        rc = ngx_http_social_reply_unavailable(r);
        break;

    default:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


ngx_int_t
ngx_http_social_presign_uuid(ngx_http_request_t *r, ngx_str_t *id)
{
    u_char  *p;
    u_char   b[16];

    if (RAND_bytes(b, sizeof(b)) != 1) {
        return NGX_ERROR;
    }

    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;

    id->data = ngx_pnalloc(r->pool, 36);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_hex_dump(id->data, b, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 8, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 10, 6);

    id->len = p - id->data;

    return NGX_OK;
}
