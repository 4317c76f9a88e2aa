
/*
 * "social_presign ... multipart": Companion's endpoints for S3, by which Uppy
 * uploads in parts.  The gateway begins, lists, completes and aborts; the
 * client sends the parts to S3, each with a URL.
 *
 * The client has a token for an upload, which says the id that the key was
 * made of, and S3's name for the upload.  The key is made again of that and
 * of the identity of the request; S3 refuses an upload that is of another key.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_presign_parts.h"
#include "ngx_http_social_reply.h"
#include "social_companion.h"
#include "social_sign_request.h"


static social_rc_e ngx_http_social_multipart_read(ngx_http_request_t *r,
    social_companion_t *ask);
static void ngx_http_social_multipart_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_multipart_process(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body);
static ngx_int_t ngx_http_social_multipart_new(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, ngx_uint_t post);
static ngx_int_t ngx_http_social_multipart_create(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body);
static ngx_int_t ngx_http_social_multipart_find(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
static ngx_int_t ngx_http_social_multipart_sign(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
static ngx_int_t ngx_http_social_multipart_part_url(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, unsigned part, social_str_t *url,
    int64_t *expires);


ngx_int_t
ngx_http_social_presign_multipart(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_social_multipart_t  *m;

    m = ngx_pcalloc(r->pool, sizeof(ngx_http_social_multipart_t));
    if (m == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_social_multipart_read(r, &m->ask)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        return m->ask.allow
               ? ngx_http_social_reply_not_allowed(r, m->ask.allow)
               : NGX_HTTP_NOT_FOUND;

    case SOCIAL_MALFORMED:
        rc = ngx_http_discard_request_body(r);

        return rc != NGX_OK ? rc
               : ngx_http_social_reply_field(r, m->ask.field, m->ask.why);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, &m->ctx, ngx_http_social_presign_module);

    return ngx_http_social_read_body(r, SOCIAL_COMPANION_MAX_BODY,
                                     ngx_http_social_multipart_body);
}


/*
 * A token may not be what nginx's own decoding of the path makes of it.
 */

static social_rc_e
ngx_http_social_multipart_read(ngx_http_request_t *r, social_companion_t *ask)
{
    u_char                              *p, *end, *work;
    social_buf_t                         b;
    social_str_t                         path, query;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (r == r->main && r->valid_unparsed_uri) {

        end = r->unparsed_uri.data + r->unparsed_uri.len;
        p = ngx_strlchr(r->unparsed_uri.data, end, '?');

        path.data = r->unparsed_uri.data;
        path.len = (p ? p : end) - r->unparsed_uri.data;

    } else {
        path = ngx_http_social_view(&r->uri);
    }

    query = ngx_http_social_view(&r->args);

    if (!social_str_starts(path, ngx_http_social_view(&plcf->prefix))) {
        return SOCIAL_DECLINED;
    }

    path.data += plcf->prefix.len;
    path.len -= plcf->prefix.len;

    work = ngx_pnalloc(r->pool, SOCIAL_COMPANION_WORK_SIZE);
    if (work == NULL) {
        return SOCIAL_FAILED;
    }

    social_buf_init(&b, work, SOCIAL_COMPANION_WORK_SIZE);

    return social_companion_read(ngx_http_social_view(&r->method_name), path,
                                 query, &b, ask);
}


static void
ngx_http_social_multipart_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                     rc;
    ngx_http_social_multipart_t  *m;

    m = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    rc = ngx_http_social_multipart_process(r, m, body);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_http_social_multipart_process(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body)
{
    ngx_int_t  rc;

    m->ctx.status = NGX_HTTP_OK;

    if (m->ask.operation == SOCIAL_COMPANION_PARAMS) {
        return ngx_http_social_multipart_new(r, m, 1);
    }

    if (m->ask.operation == SOCIAL_COMPANION_CREATE) {
        return ngx_http_social_multipart_create(r, m, body);
    }

    rc = ngx_http_social_multipart_find(r, m);

    if (rc != NGX_OK) {
        return rc;
    }

    switch (m->ask.operation) {

    case SOCIAL_COMPANION_SIGN:
    case SOCIAL_COMPANION_BATCH_SIGN:
        return ngx_http_social_multipart_sign(r, m);

    case SOCIAL_COMPANION_LIST:
        return ngx_http_social_parts_list(r, m);

    case SOCIAL_COMPANION_COMPLETE:
        return ngx_http_social_parts_complete(r, m, body);

    case SOCIAL_COMPANION_ABORT:
        return ngx_http_social_parts_abort(r, m);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_social_multipart_create(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body)
{
    ngx_int_t       rc;
    social_json_t  *json;

    switch (social_companion_create(body, &json, &m->ask)) {

    case SOCIAL_OK:
        rc = ngx_http_social_multipart_new(r, m, 0);
        social_json_free(json);
        return rc;

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, m->ask.field, m->ask.why);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * An upload of a type and a kind: as a form, or in parts.
 */

static ngx_int_t
ngx_http_social_multipart_new(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, ngx_uint_t post)
{
    ngx_int_t                            rc;
    social_str_t                         extension;
    social_upload_error_t                error;
    ngx_http_social_presign_upload_t     upload;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    extension = social_upload_extension(m->ask.type);
    m->type = ngx_http_social_presign_find_type(plcf, extension);

    if (extension.len == 0 || !social_str_eq(m->type, m->ask.type)) {
        error.field = "type";
        error.why = "must be one of the types that are accepted here";

        return ngx_http_social_presign_errors(r, &error, 1,
                                              NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    ngx_memzero(&upload, sizeof(ngx_http_social_presign_upload_t));

    upload.kind = m->ask.kind;

    if (!ngx_http_social_presign_find_kind(plcf, &upload.kind)) {
        return ngx_http_social_reply_field(r, "metadata.kind",
                   "must be one of the kinds that are accepted here");
    }

    m->ctx.extension = extension;

    if (ngx_http_social_presign_uuid(r, &m->ctx.id) != NGX_OK
        || ngx_http_social_presign_key(r, &upload.key) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    upload.content_type = m->type;
    upload.expires_in = plcf->expires;

    m->key = upload.key;

    if (post) {
        rc = ngx_http_social_presign_make_post(r, &upload);

        if (rc == NGX_DECLINED) {
            return ngx_http_social_presign_bad_key(r);
        }

        if (rc != NGX_OK) {
            return rc;
        }

    } else {
        m->ctx.next = ngx_http_social_parts_create;
    }

    return ngx_http_social_presign_record(r, &upload);
}


/*
 * The upload that the token is of: there is none, unless its key is what the
 * client says.
 */

static ngx_int_t
ngx_http_social_multipart_find(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    m->type = ngx_http_social_presign_find_type(plcf, m->ask.extension);

    /* the spelling that a key is made of */

    if (m->type.len == 0
        || !social_str_eq(social_upload_extension(m->type), m->ask.extension))
    {
        return NGX_HTTP_NOT_FOUND;
    }

    m->ctx.extension = m->ask.extension;
    ngx_http_social_from_str(&m->ctx.id, m->ask.id);

    if (ngx_http_social_presign_key(r, &m->key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return social_str_eq(ngx_http_social_view(&m->key), m->ask.key)
           ? NGX_OK : NGX_HTTP_NOT_FOUND;
}


static ngx_int_t
ngx_http_social_multipart_sign(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    u_char        *p;
    size_t         i, size;
    int64_t        expires;
    ngx_int_t      rc;
    social_str_t  *urls;

    urls = ngx_palloc(r->pool, m->ask.count * sizeof(social_str_t));
    if (urls == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = 64 + 2 * NGX_INT64_LEN;
    expires = 0;

    for (i = 0; i < m->ask.count; i++) {

        rc = ngx_http_social_multipart_part_url(r, m, m->ask.parts[i],
                                                &urls[i], &expires);
        if (rc == NGX_DECLINED) {
            return ngx_http_social_presign_bad_key(r);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        size += urls[i].len + NGX_INT64_LEN + 8;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m->ctx.answer.data = p;

    if (m->ask.operation == SOCIAL_COMPANION_SIGN) {
        p = ngx_sprintf(p, "{\"url\":\"%*s\",\"expires\":%L}", urls[0].len,
                        urls[0].data, expires);

    } else {
        p = ngx_cpymem(p, "{\"presignedUrls\":{",
                       sizeof("{\"presignedUrls\":{") - 1);

        for (i = 0; i < m->ask.count; i++) {
            p = ngx_sprintf(p, "%s\"%ui\":\"%*s\"", i ? "," : "",
                            (ngx_uint_t) m->ask.parts[i], urls[i].len,
                            urls[i].data);
        }

        p = ngx_cpymem(p, "}}", 2);
    }

    m->ctx.answer.len = p - m->ctx.answer.data;

    return ngx_http_social_reply_json(r, m->ctx.status, &m->ctx.answer);
}


static ngx_int_t
ngx_http_social_multipart_part_url(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, unsigned part, social_str_t *url,
    int64_t *expires)
{
    ngx_int_t              rc;
    u_char                 query[3 * SOCIAL_S3_REPLY_MAX_ID + 64];
    social_buf_t           b;
    social_presign_t       presign;
    social_sign_request_t  sign;

    ngx_memzero(&presign, sizeof(social_presign_t));
    ngx_memzero(&sign, sizeof(social_sign_request_t));

    sign.operation = SOCIAL_SIGN_PART;
    sign.upload = m->ask.upload;
    sign.part = part;

    social_buf_init(&b, query, sizeof(query));
    social_sign_request_query(&b, &sign);

    presign.method = social_str("PUT");
    presign.key = ngx_http_social_view(&m->key);
    presign.query = social_buf_since(&b, 0);

    rc = ngx_http_social_presign_url(r, &presign, url);

    *expires = presign.expires;

    return rc;
}
