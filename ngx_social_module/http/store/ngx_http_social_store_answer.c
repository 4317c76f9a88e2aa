
/*
 * The embedded store: the answer to GET and HEAD.
 *
 * Conditions and ranges are S3's, which differ from nginx's own: ETags without
 * quotes, dates in the future, one range and no list of them, and an empty
 * object that no range is in.
 */

#include "ngx_http_social_store_buffer.h"
#include "social_object.h"
#include "social_time.h"


/*
 * What is sent out of the request's memory, if the kernel has it in its own:
 * that takes less than sendfile(), with or without a thread.
 */

#define NGX_HTTP_SOCIAL_ANSWER_COPIED  (64 * 1024)

/*
 * Of what was read with its metadata, no more than that is copied to memory of
 * its own size, for clients that are slow.
 */

#define NGX_HTTP_SOCIAL_ANSWER_SMALL   (16 * 1024)


static ngx_int_t ngx_http_social_answer_bytes(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object, ngx_buf_t *b);
static ngx_int_t ngx_http_social_answer_condition(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_range(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_partial(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_part(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object);
static ngx_uint_t ngx_http_social_answer_if_range(
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);
static social_str_t ngx_http_social_answer_etag(
    ngx_http_social_store_object_t *object,
    u_char buf[SOCIAL_STORE_ETAG_SIZE]);
static ngx_int_t ngx_http_social_answer_headers(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_kept(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_attachment(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object);
static ngx_int_t ngx_http_social_answer_checksums(ngx_http_request_t *r,
    social_str_t block);
static ngx_int_t ngx_http_social_answer_copy(ngx_http_request_t *r,
    const char *known, social_str_t name, social_str_t value,
    ngx_table_elt_t **h);
static ngx_int_t ngx_http_social_answer_header(ngx_http_request_t *r,
    const char *name, social_str_t value, ngx_table_elt_t **h);


static const char  *ngx_http_social_answer_names[SOCIAL_S3_RESPONSES] = {
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires"
};


ngx_int_t
ngx_http_social_store_answer(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_chain_t               out;
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *clnf;

    if (object->parts == NULL) {

        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));
        if (cln == NULL) {
            ngx_close_file(object->fd);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_pool_cleanup_file;
        clnf = cln->data;
        clnf->fd = object->fd;
        clnf->name = object->name.data;
        clnf->log = r->pool->log;
    }

    object->first = 0;
    object->end = object->meta->size;

    r->headers_out.status = NGX_HTTP_OK;

    /* what an error_page leads to, and a part of a page, are sent whole */

    if (r == r->main && r->err_status == 0) {

        rc = ngx_http_social_answer_condition(r, sr, object);

        if (rc == NGX_OK && r->headers_out.status == NGX_HTTP_OK) {
            rc = ngx_http_social_answer_range(r, sr, object);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    b = ngx_calloc_buf(r->pool);

    if (b == NULL
        || ngx_http_social_answer_bytes(r, object, b) != NGX_OK
        || ngx_http_social_answer_headers(r, sr, object) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (object->parts && object->first != object->end) {
        return ngx_http_social_store_parts(r, object);
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (b->last_buf || b->memory || b->in_file) ? 0 : 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_social_answer_bytes(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object, ngx_buf_t *b)
{
    size_t   size;
    ssize_t  n;

    if (object->first == object->end || object->parts) {
        return NGX_OK;
    }

    size = object->end - object->first;

    if (size <= NGX_HTTP_SOCIAL_ANSWER_COPIED && r->method != NGX_HTTP_HEAD
        && r->headers_out.status != NGX_HTTP_NOT_MODIFIED)
    {
        if (object->buffer != NULL && size > NGX_HTTP_SOCIAL_ANSWER_SMALL) {

            b->pos = object->buffer + object->meta->length + object->first;
            b->last = b->pos + size;
            b->start = b->pos;
            b->end = b->last;
            b->memory = 1;

            if (ngx_http_social_store_buffer_keep(r, object->buffer)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            object->buffer = NULL;

            return NGX_OK;
        }

        b->pos = ngx_pnalloc(r->pool, size);
        if (b->pos == NULL) {
            return NGX_ERROR;
        }

        if (object->bytes.len) {
            ngx_memcpy(b->pos, object->bytes.data + object->first, size);
            n = size;

        } else {
            n = social_net_disk_read_cached(object->fd,
                                            object->offset + object->first,
                                            b->pos, size);
        }

        if (n == (ssize_t) size) {
            b->last = b->pos + size;
            b->start = b->pos;
            b->end = b->last;
            b->memory = 1;

            return NGX_OK;
        }

        ngx_pfree(r->pool, b->pos);
        b->pos = NULL;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_ERROR;
    }

    b->file->fd = object->fd;
    b->file->name = object->name;
    b->file->log = r->connection->log;

    b->file_pos = object->offset + object->first;
    b->file_last = object->offset + object->end;
    b->in_file = 1;

    return ngx_http_social_store_send_file(r, b);
}


static ngx_int_t
ngx_http_social_answer_condition(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    u_char                  etag[SOCIAL_STORE_ETAG_SIZE];
    social_s3_version_t     version;
    social_s3_error_body_t  text;

    version.etag = ngx_http_social_answer_etag(object, etag);
    version.modified = object->meta->modified;

    switch (social_s3_condition_read(&sr->op.condition, &version, ngx_time()))
    {
    case SOCIAL_S3_CONDITION_TRUE:
        return NGX_OK;

    case SOCIAL_S3_CONDITION_NOT_MODIFIED:
        r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
        return NGX_OK;

    default:
        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        text.details[0].name = social_str("Condition");
        text.details[0].value = social_str(sr->op.condition.if_match.len
                                           ? "If-Match"
                                           : "If-Unmodified-Since");

        return ngx_http_social_store_error_body(r,
                   SOCIAL_S3_PRECONDITION_FAILED, &text);
    }
}


static ngx_int_t
ngx_http_social_answer_range(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    u_char                  size[NGX_OFF_T_LEN], *p;
    int64_t                 first, end;
    social_str_t            value;
    social_s3_error_body_t  text;

    if (sr->op.part) {
        return ngx_http_social_answer_part(r, object);
    }

    if (sr->op.range.len == 0
        || !ngx_http_social_answer_if_range(sr, object))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof("bytes */") + NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value.data = p;

    switch (social_s3_range_read(sr->op.range, object->meta->size, &first,
                                 &end))
    {
    case SOCIAL_S3_RANGE_WHOLE:
        return NGX_OK;

    case SOCIAL_S3_RANGE_PART:
        object->first = first;
        object->end = end;

        return ngx_http_social_answer_partial(r, object);

    default:
        value.len = ngx_sprintf(p, "bytes */%O", (off_t) object->meta->size)
                    - p;

        if (ngx_http_social_answer_header(r, "Content-Range", value,
                                          &r->headers_out.content_range)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        text.details[0].name = social_str("RangeRequested");
        text.details[0].value = sr->op.range;
        text.details[1].name = social_str("ActualObjectSize");
        text.details[1].value.data = size;
        text.details[1].value.len = ngx_sprintf(size, "%O",
                                                (off_t) object->meta->size)
                                    - size;

        return ngx_http_social_store_error_body(r, SOCIAL_S3_INVALID_RANGE,
                                                &text);
    }
}


/*
 * The bytes from object->first to object->end.
 */

static ngx_int_t
ngx_http_social_answer_partial(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object)
{
    u_char        *p;
    social_str_t   value;

    p = ngx_pnalloc(r->pool, sizeof("bytes -/") + 3 * NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_PARTIAL_CONTENT;

    value.data = p;
    value.len = ngx_sprintf(p, "bytes %O-%O/%O", object->first,
                            object->end - 1, (off_t) object->meta->size)
                - p;

    return ngx_http_social_answer_header(r, "Content-Range", value,
                                         &r->headers_out.content_range);
}


/*
 * A part by its place among those of the object; what is not in parts is one.
 */

static ngx_int_t
ngx_http_social_answer_part(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object)
{
    u_char        *p;
    social_str_t   value;

    if (object->part_first == -1) {
        return ngx_http_social_store_error(r, SOCIAL_S3_INVALID_PART_NUMBER,
                                           NULL);
    }

    if (object->parts) {

        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        value.data = p;
        value.len = ngx_sprintf(p, "%ui", (ngx_uint_t) object->meta->parts)
                    - p;

        if (ngx_http_social_answer_header(r, "x-amz-mp-parts-count", value,
                                          NULL)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    object->first = object->part_first;
    object->end = object->part_end;

    return object->first == object->end
           ? NGX_OK : ngx_http_social_answer_partial(r, object);
}


/*
 * A date or an ETag, that of this object (RFC 9110, 13.1.5).
 */

static ngx_uint_t
ngx_http_social_answer_if_range(ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    u_char        buf[SOCIAL_STORE_ETAG_SIZE];
    int64_t       t;

    if (sr->op.if_range.len == 0) {
        return 1;
    }

    if (social_time_http_parse(sr->op.if_range, &t) == SOCIAL_OK) {
        return t == object->meta->modified;
    }

    return social_s3_etag_is_listed(sr->op.if_range,
                                    ngx_http_social_answer_etag(object, buf),
                                    false);
}


/*
 * Without its quotes.
 */

static social_str_t
ngx_http_social_answer_etag(ngx_http_social_store_object_t *object,
    u_char buf[SOCIAL_STORE_ETAG_SIZE])
{
    social_str_t  etag;

    etag.len = social_store_meta_etag(object->meta, buf) - 2;
    etag.data = buf + 1;

    return etag;
}


static ngx_int_t
ngx_http_social_answer_headers(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    u_char            *p;
    ngx_uint_t         i;
    social_str_t       value, type;
    ngx_table_elt_t  **h;

    p = ngx_pnalloc(r->pool, SOCIAL_STORE_ETAG_SIZE + object->meta->type.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = social_store_meta_etag(object->meta, p);

    p += value.len;

    if (ngx_http_social_store_headers(r) != NGX_OK
        || ngx_http_social_answer_header(r, "ETag", value,
                                         &r->headers_out.etag)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.last_modified_time = object->meta->modified;

    if (ngx_http_social_answer_kept(r, sr, object) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->headers_out.status == NGX_HTTP_NOT_MODIFIED) {
        r->headers_out.content_length_n = -1;
        return NGX_OK;
    }

    if (sr->anonymous
        && ngx_http_social_answer_attachment(r, object) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (sr->op.with_checksum && r->headers_out.status == NGX_HTTP_OK
        && ngx_http_social_answer_checksums(r, object->meta->checksums)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(p, object->meta->type.data, object->meta->type.len);

    type.data = p;
    type.len = object->meta->type.len;

    for (i = 0; i < SOCIAL_S3_RESPONSES; i++) {

        value = sr->op.response[i];

        if (value.len == 0) {
            continue;
        }

        if (i == SOCIAL_S3_RESPONSE_CONTENT_TYPE) {
            type = value;
            continue;
        }

        h = i == SOCIAL_S3_RESPONSE_CONTENT_ENCODING
            ? &r->headers_out.content_encoding : NULL;

        if (ngx_http_social_answer_header(r, ngx_http_social_answer_names[i],
                                          value, h)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_social_from_str(&r->headers_out.content_type, type);
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_length_n = object->end - object->first;

    return ngx_http_social_answer_header(r, "Accept-Ranges",
                                         social_str("bytes"),
                                         &r->headers_out.accept_ranges);
}


/*
 * Headers that were stored with the object, unless the request has others.  Of
 * an object that was not modified a cache needs to know no more than how long.
 */

static ngx_int_t
ngx_http_social_answer_kept(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object)
{
    ngx_uint_t         i, not_modified;
    social_str_t       block, name, value;
    ngx_table_elt_t  **h;

    block = object->meta->headers;
    not_modified = (r->headers_out.status == NGX_HTTP_NOT_MODIFIED);

    while (social_store_meta_next(&block, &name, &value)) {

        for (i = 0; i < SOCIAL_S3_RESPONSES; i++) {
            if (social_str_caseeq(name,
                                social_str(ngx_http_social_answer_names[i])))
            {
                break;
            }
        }

        if ((i < SOCIAL_S3_RESPONSES && sr->op.response[i].len)
            || (not_modified && i != SOCIAL_S3_RESPONSE_CACHE_CONTROL
                && i != SOCIAL_S3_RESPONSE_EXPIRES))
        {
            continue;
        }

        h = i == SOCIAL_S3_RESPONSE_CONTENT_ENCODING
            ? &r->headers_out.content_encoding : NULL;

        if (ngx_http_social_answer_copy(r, i < SOCIAL_S3_RESPONSES
                                        ? ngx_http_social_answer_names[i]
                                        : NULL, name, value, h)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * What is read without a signature, users have uploaded: a browser shows
 * pictures, and saves the rest, unless who has put it says otherwise.
 */

static ngx_int_t
ngx_http_social_answer_attachment(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object)
{
    social_str_t               block, name, value;
    static const social_str_t  disposition =
        social_string("content-disposition");

    if (social_object_is_picture(object->meta->type)) {
        return NGX_OK;
    }

    block = object->meta->headers;

    while (social_store_meta_next(&block, &name, &value)) {
        if (social_str_eq(name, disposition)) {
            return NGX_OK;
        }
    }

    return ngx_http_social_answer_header(r, "Content-Disposition",
                                         social_str("attachment"), NULL);
}


/*
 * "NAME VALUE full", or "composite".
 */

static ngx_int_t
ngx_http_social_answer_checksums(ngx_http_request_t *r, social_str_t block)
{
    social_str_t          name, value, text, type;
    social_s3_checksum_e  algorithm;

    while (social_store_meta_next(&block, &name, &value)) {

        algorithm = social_s3_checksum_by_name(name);

        if (algorithm == SOCIAL_S3_CHECKSUM_NONE
            || !social_str_next(&value, " ", &text))
        {
            continue;
        }

        type = social_str(social_str_eq(social_str_trim(value),
                                        social_str("full"))
                          ? "FULL_OBJECT" : "COMPOSITE");

        name = social_s3_checksum_header(algorithm);

        if (ngx_http_social_answer_copy(r, (char *) name.data, name, text,
                                        NULL)
            != NGX_OK
            || ngx_http_social_answer_header(r, "x-amz-checksum-type", type,
                                             NULL)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The memory of the metadata does not live as long as the request.  "known" is
 * a static name, or NULL.
 */

static ngx_int_t
ngx_http_social_answer_copy(ngx_http_request_t *r, const char *known,
    social_str_t name, social_str_t value, ngx_table_elt_t **h)
{
    u_char        *p;
    social_str_t   copy;

    p = ngx_pnalloc(r->pool, name.len + 1 + value.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, name.data, name.len);
    p[name.len] = '\0';

    copy.data = p + name.len + 1;
    copy.len = value.len;
    ngx_memcpy(p + name.len + 1, value.data, value.len);

    return ngx_http_social_answer_header(r, known ? known : (char *) p, copy,
                                         h);
}


/*
 * "value" lives as long as the request.
 */

static ngx_int_t
ngx_http_social_answer_header(ngx_http_request_t *r, const char *name,
    social_str_t value, ngx_table_elt_t **h)
{
    ngx_str_t         s;
    ngx_table_elt_t  *pushed;

    ngx_http_social_from_str(&s, value);

    pushed = ngx_http_social_header_out_push(r, name, &s);

    if (pushed == NULL) {
        return NGX_ERROR;
    }

    if (h != NULL) {
        *h = pushed;
    }

    return NGX_OK;
}
