
/*
 * Uploads in parts: what the gateway asks S3 for.
 */

#include "ngx_http_social_presign_parts.h"
#include "ngx_http_social_reply.h"


#define NGX_HTTP_SOCIAL_PARTS_TIMEOUT   10000
#define NGX_HTTP_SOCIAL_PARTS_COMPLETE  50000

/* JSON of a part, beside its ETag */
#define NGX_HTTP_SOCIAL_PARTS_ITEM      (64 + 2 * NGX_INT64_LEN)


static ngx_int_t ngx_http_social_parts_ask(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, const char *method, social_str_t query,
    ngx_http_social_s3_handler_pt handler);
static ngx_int_t ngx_http_social_parts_created(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static ngx_int_t ngx_http_social_parts_page(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, ngx_http_social_s3_handler_pt handler);
static ngx_int_t ngx_http_social_parts_read(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer,
    social_s3_reply_parts_t **parts);
static ngx_int_t ngx_http_social_parts_listed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static ngx_int_t ngx_http_social_parts_add(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, const social_s3_reply_parts_t *parts);
static ngx_int_t ngx_http_social_parts_list_answer(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
static ngx_int_t ngx_http_social_parts_measured(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static ngx_int_t ngx_http_social_parts_finish(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
static ngx_int_t ngx_http_social_parts_completed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static ngx_int_t ngx_http_social_parts_complete_answer(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
static ngx_int_t ngx_http_social_parts_aborted(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static ngx_uint_t ngx_http_social_parts_is_gone(
    const ngx_http_social_s3_answer_t *answer);
static ngx_int_t ngx_http_social_parts_failed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);
static social_str_t ngx_http_social_parts_query(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);


#define ngx_http_social_parts_is_ok(answer)                                   \
    ((answer)->status >= 200 && (answer)->status <= 299)


static ngx_int_t
ngx_http_social_parts_ask(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, const char *method, social_str_t query,
    ngx_http_social_s3_handler_pt handler)
{
    ngx_int_t                            rc;
    social_presign_t                     presign;
    social_sigv4_header_t                header;
    ngx_http_social_s3_ask_t             ask;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    ngx_memzero(&ask, sizeof(ngx_http_social_s3_ask_t));
    ngx_memzero(&presign, sizeof(social_presign_t));

    presign.method = social_str(method);
    presign.key = ngx_http_social_view(&m->key);
    presign.query = query;

    ask.method = method;
    ask.ca_file = plcf->bucket->ca_file;
    ask.timeout = NGX_HTTP_SOCIAL_PARTS_TIMEOUT;

    if (ngx_strcmp(method, "POST") == 0) {

        ask.body = m->xml;

        if (m->xml.len) {
            ask.type = social_str("application/xml");
            ask.timeout = NGX_HTTP_SOCIAL_PARTS_COMPLETE;

        } else {
            ask.type = m->type;
        }

        header.name = social_str("content-type");
        header.value = ask.type;
        presign.headers = &header;
        presign.header_count = 1;
    }

    rc = ngx_http_social_presign_own_url(r, &presign, &ask.url);

    if (rc == NGX_DECLINED) {
        return ngx_http_social_presign_bad_key(r);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_social_s3_call(r, plcf->calls, &ask, handler);
}


static social_str_t
ngx_http_social_parts_query(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    u_char        *p;
    size_t         size;
    social_buf_t   b;
    social_str_t   none;

    none.data = NULL;
    none.len = 0;

    size = 3 * m->ask.upload.len + 64;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return none;
    }

    social_buf_init(&b, p, size);

    if (m->after) {
        social_buf_text(&b, "part-number-marker=");
        social_buf_number(&b, m->after);
        social_buf_byte(&b, '&');
    }

    social_buf_text(&b, "uploadId=");
    social_uri_encode(&b, m->ask.upload, 0);

    return social_buf_since(&b, 0);
}


ngx_int_t
ngx_http_social_parts_create(ngx_http_request_t *r)
{
    ngx_http_social_multipart_t  *m;

    m = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    return ngx_http_social_parts_ask(r, m, "POST", social_str("uploads="),
                                     ngx_http_social_parts_created);
}


static ngx_int_t
ngx_http_social_parts_created(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    u_char                              *p;
    size_t                               size;
    social_buf_t                         b;
    social_str_t                         upload;
    ngx_http_social_multipart_t         *m;
    ngx_http_social_presign_loc_conf_t  *plcf;

    m = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (!ngx_http_social_parts_is_ok(answer)) {
        return ngx_http_social_parts_failed(r, answer);
    }

    size = ngx_max(answer->text.len, 1) + SOCIAL_COMPANION_TOKEN_SIZE + 256
           + 6 * m->key.len + plcf->bucket->bucket.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    if (social_s3_reply_create(answer->text, &b, &upload) != SOCIAL_OK) {
        return ngx_http_social_parts_failed(r, answer);
    }

    m->ctx.answer.data = p + b.len;
    m->ctx.answer.len = b.len;

    social_buf_text(&b, "{\"key\":\"");

    if (b.rc == SOCIAL_OK && b.size - b.len > 6 * m->key.len) {
        b.len = social_json_escape(p + b.len, ngx_http_social_view(&m->key))
                - p;
    }

    social_buf_text(&b, "\",\"uploadId\":\"");
    social_companion_token(&b, ngx_http_social_view(&m->ctx.id),
                           m->ctx.extension, upload);
    social_buf_text(&b, "\",\"bucket\":\"");
    social_buf_put(&b, ngx_http_social_view(&plcf->bucket->bucket));
    social_buf_text(&b, "\",\"id\":\"");
    social_buf_put(&b, ngx_http_social_view(&m->ctx.id));
    social_buf_text(&b, "\"}");

    if (b.rc != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m->ctx.answer.len = b.len - m->ctx.answer.len;

    return ngx_http_social_reply_json(r, m->ctx.status, &m->ctx.answer);
}


static ngx_int_t
ngx_http_social_parts_page(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, ngx_http_social_s3_handler_pt handler)
{
    social_str_t  query;

    query = ngx_http_social_parts_query(r, m);

    if (query.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_parts_ask(r, m, "GET", query, handler);
}


/*
 * NGX_OK: a page, in r->pool; else the request is to be finalized so.
 */

static ngx_int_t
ngx_http_social_parts_read(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer,
    social_s3_reply_parts_t **parts)
{
    u_char        *work;
    social_buf_t   b;

    if (ngx_http_social_parts_is_gone(answer)) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (!ngx_http_social_parts_is_ok(answer)) {
        return ngx_http_social_parts_failed(r, answer);
    }

    *parts = ngx_palloc(r->pool, sizeof(social_s3_reply_parts_t));
    work = ngx_pnalloc(r->pool, ngx_max(answer->text.len, 1));

    if (*parts == NULL || work == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, work, answer->text.len);

    return social_s3_reply_parts(answer->text, &b, *parts) == SOCIAL_OK
           ? NGX_OK : ngx_http_social_parts_failed(r, answer);
}


ngx_int_t
ngx_http_social_parts_list(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    if (ngx_array_init(&m->pages, r->pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_parts_page(r, m, ngx_http_social_parts_listed);
}


static ngx_int_t
ngx_http_social_parts_listed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    ngx_int_t                     rc;
    social_s3_reply_parts_t      *parts;
    ngx_http_social_multipart_t  *m;

    m = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    parts = NULL;
    rc = ngx_http_social_parts_read(r, answer, &parts);

    if (rc != NGX_OK || parts == NULL) {
        return rc;
    }

    if (ngx_http_social_parts_add(r, m, parts) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (parts->truncated && parts->next > m->after) {
        m->after = parts->next;
        return ngx_http_social_parts_page(r, m, ngx_http_social_parts_listed);
    }

    return ngx_http_social_parts_list_answer(r, m);
}


static ngx_int_t
ngx_http_social_parts_add(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, const social_s3_reply_parts_t *parts)
{
    u_char     *p;
    size_t      i, size;
    ngx_str_t  *page;

    size = 0;

    for (i = 0; i < parts->count; i++) {
        size += NGX_HTTP_SOCIAL_PARTS_ITEM + 6 * parts->parts[i].etag.len;
    }

    page = ngx_array_push(&m->pages);
    p = ngx_pnalloc(r->pool, size + 1);

    if (page == NULL || p == NULL) {
        return NGX_ERROR;
    }

    page->data = p;

    for (i = 0; i < parts->count; i++) {
        p = ngx_sprintf(p, "%s{\"PartNumber\":%ui,\"Size\":%L,\"ETag\":\"",
                        i || m->length ? "," : "",
                        (ngx_uint_t) parts->parts[i].number,
                        parts->parts[i].size);
        p = social_json_escape(p, parts->parts[i].etag);
        p = ngx_cpymem(p, "\"}", 2);
    }

    page->len = p - page->data;
    m->length += page->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_parts_list_answer(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    u_char      *p;
    ngx_str_t   *page;
    ngx_uint_t   i;

    p = ngx_pnalloc(r->pool, m->length + 2);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m->ctx.answer.data = p;
    *p++ = '[';

    page = m->pages.elts;

    for (i = 0; i < m->pages.nelts; i++) {
        p = ngx_cpymem(p, page[i].data, page[i].len);
    }

    *p++ = ']';
    m->ctx.answer.len = p - m->ctx.answer.data;

    return ngx_http_social_reply_json(r, m->ctx.status, &m->ctx.answer);
}


/*
 * No policy limits the size of an upload in parts: it is what the parts have.
 */

ngx_int_t
ngx_http_social_parts_complete(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body)
{
    u_char        *p;
    size_t         size;
    social_buf_t   b;

    size = 3 * body.len + 1024;

    p = ngx_pnalloc(r->pool, size);
    m->parts = ngx_palloc(r->pool, SOCIAL_COMPANION_MAX_PARTS
                                   * sizeof(unsigned));

    if (p == NULL || m->parts == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    switch (social_companion_complete(body, &b, m->parts, &m->count, &m->ask))
    {
    case SOCIAL_OK:
        break;

    case SOCIAL_MALFORMED:
        return ngx_http_social_reply_field(r, m->ask.field, m->ask.why);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m->xml = social_buf_since(&b, 0);

    return ngx_http_social_parts_page(r, m, ngx_http_social_parts_measured);
}


static ngx_int_t
ngx_http_social_parts_measured(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    size_t                               i;
    ngx_int_t                            rc;
    social_upload_error_t                error;
    social_s3_reply_parts_t             *parts;
    ngx_http_social_multipart_t         *m;
    ngx_http_social_presign_loc_conf_t  *plcf;

    m = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    /* it may be complete already, and this be the second time */

    if (ngx_http_social_parts_is_gone(answer)) {
        return ngx_http_social_parts_finish(r, m);
    }

    parts = NULL;
    rc = ngx_http_social_parts_read(r, answer, &parts);

    if (rc != NGX_OK || parts == NULL) {
        return rc;
    }

    for (i = 0; i < parts->count && m->found < m->count; i++) {

        if (parts->parts[i].number == m->parts[m->found]) {
            m->size += parts->parts[i].size;
            m->found++;
        }
    }

    if (m->size > (int64_t) plcf->max_size) {
        error.field = "parts";
        error.why = "must not have more bytes than the limit of this place";

        return ngx_http_social_presign_errors(r, &error, 1,
                                           NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    if (parts->truncated && parts->next > m->after) {
        m->after = parts->next;
        return ngx_http_social_parts_page(r, m,
                                          ngx_http_social_parts_measured);
    }

    if (m->found != m->count) {
        return ngx_http_social_reply_field(r, "parts",
                                           "must be parts that were uploaded");
    }

    return ngx_http_social_parts_finish(r, m);
}


static ngx_int_t
ngx_http_social_parts_finish(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    social_str_t  query;

    m->after = 0;
    query = ngx_http_social_parts_query(r, m);

    if (query.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_parts_ask(r, m, "POST", query,
                                     ngx_http_social_parts_completed);
}


static ngx_int_t
ngx_http_social_parts_completed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    u_char        *work;
    social_buf_t   b;

    if (ngx_http_social_parts_is_gone(answer)) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (social_str_eq(answer->code, social_str("InvalidPart"))
        || social_str_eq(answer->code, social_str("EntityTooSmall")))
    {
        return ngx_http_social_reply_field(r, "parts", "must be parts that "
                   "were uploaded, of 5 MB at least but for the last one");
    }

    if (!ngx_http_social_parts_is_ok(answer)) {
        return ngx_http_social_parts_failed(r, answer);
    }

    work = ngx_pnalloc(r->pool, ngx_max(answer->text.len, 1));
    if (work == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* of an error that comes late, the status was sent before */

    social_buf_init(&b, work, answer->text.len);

    if (social_s3_reply_complete(answer->text, &b) != SOCIAL_OK) {
        return ngx_http_social_parts_failed(r, answer);
    }

    return ngx_http_social_parts_complete_answer(r,
               ngx_http_get_module_ctx(r, ngx_http_social_presign_module));
}


static ngx_int_t
ngx_http_social_parts_complete_answer(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    u_char                              *p;
    size_t                               size;
    social_buf_t                         b;
    const social_bucket_t               *bucket;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);
    bucket = &plcf->bucket->public_target;

    size = SOCIAL_ENDPOINT_MAX_URL + 3 * bucket->name.len + 9 * m->key.len
           + 256;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    social_buf_text(&b, "{\"location\":\"");
    social_buf_text(&b, bucket->endpoint.secure ? "https://" : "http://");
    social_bucket_host(&b, bucket);
    (void) social_bucket_path(&b, bucket, ngx_http_social_view(&m->key));
    social_buf_text(&b, "\",\"bucket\":\"");
    social_buf_put(&b, bucket->name);
    social_buf_text(&b, "\",\"key\":\"");

    if (b.rc != SOCIAL_OK || b.size - b.len < 6 * m->key.len + 2) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = social_json_escape(p + b.len, ngx_http_social_view(&m->key));
    p = ngx_cpymem(p, "\"}", 2);

    m->ctx.answer.data = b.data;
    m->ctx.answer.len = p - b.data;

    return ngx_http_social_reply_json(r, m->ctx.status, &m->ctx.answer);
}


ngx_int_t
ngx_http_social_parts_abort(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m)
{
    social_str_t  query;

    query = ngx_http_social_parts_query(r, m);

    if (query.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_parts_ask(r, m, "DELETE", query,
                                     ngx_http_social_parts_aborted);
}


/*
 * What is gone is aborted.
 */

static ngx_int_t
ngx_http_social_parts_aborted(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    ngx_str_t  body;

    if (!ngx_http_social_parts_is_ok(answer)
        && !ngx_http_social_parts_is_gone(answer))
    {
        return ngx_http_social_parts_failed(r, answer);
    }

    ngx_str_set(&body, "{}");

    return ngx_http_social_reply_json(r, NGX_HTTP_OK, &body);
}


/*
 * S3 says NoSuchUpload, and Ceph NoSuchKey of some requests.
 */

static ngx_uint_t
ngx_http_social_parts_is_gone(const ngx_http_social_s3_answer_t *answer)
{
    return answer->status == NGX_HTTP_NOT_FOUND
           && (social_str_eq(answer->code, social_str("NoSuchUpload"))
               || social_str_eq(answer->code, social_str("NoSuchKey")));
}


/*
 * It is not the client's fault: S3 is not there, or does not want us.
 */

static ngx_int_t
ngx_http_social_parts_failed(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer)
{
    ngx_str_t                            why;
    ngx_http_social_presign_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    ngx_http_social_from_str(&why, answer->code);

    if (answer->status == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: bucket \"%V\" did not respond: %V",
                      &plcf->bucket->name, &why);

    } else {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: bucket \"%V\" responded with status %ui, "
                      "\"%V\"",
                      &plcf->bucket->name, answer->status, &why);
    }

    return answer->status == 0 || answer->status == NGX_HTTP_TOO_MANY_REQUESTS
           || answer->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
           ? ngx_http_social_reply_unavailable(r)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
