
/*
 * The embedded store: CopyObject.
 *
 * The bytes of an object never change, so that a copy has the same files under
 * names of its own.
 */

#include "ngx_http_social_store_copy.h"
#include "social_s3_xml_upload.h"


typedef struct {
    ngx_http_social_store_change_t     change;
    social_s3_copy_t                   copy;
    u_char                            *path;       /* of the source */
    social_net_object_t                source;
    ngx_uint_t                         opened;
    u_char                             buf[SOCIAL_STORE_META_SIZE];
} ngx_http_social_copy_t;


static ngx_int_t ngx_http_social_copy_request(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_copy_t *copy);
static void ngx_http_social_copy_prepare(
    ngx_http_social_store_change_t *change);
static social_s3_error_e ngx_http_social_copy_open(
    ngx_http_social_copy_t *copy);
static social_s3_error_e ngx_http_social_copy_bytes(
    ngx_http_social_copy_t *copy, size_t size);
static ngx_int_t ngx_http_social_copy_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_copy_free(
    ngx_http_social_store_change_t *change);


ngx_int_t
ngx_http_social_store_copy(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_http_social_copy_t  *copy;

    copy = (ngx_http_social_copy_t *) ngx_http_social_store_change_create(r,
                                          sr, sizeof(ngx_http_social_copy_t));
    if (copy == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    copy->source.fd = -1;
    copy->source.dir = -1;

    copy->change.prepare = ngx_http_social_copy_prepare;
    copy->change.answer = ngx_http_social_copy_answer;
    copy->change.free = ngx_http_social_copy_free;
    copy->change.commit.net.announce = copy->change.conf->announce;

    if (ngx_http_social_copy_request(r, sr, copy) != NGX_OK) {
        ngx_http_social_store_change_free(&copy->change);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_store_change_start(r, &copy->change, 0);
}


static ngx_int_t
ngx_http_social_copy_request(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_copy_t *copy)
{
    size_t                           len;
    social_store_meta_t             *meta;
    ngx_http_social_store_change_t  *change;

    change = &copy->change;
    meta = &change->commit.net.meta;

    copy->copy = sr->op.copy;
    copy->path = ngx_pnalloc(change->task->pool, SOCIAL_STORE_MAX_PATH);

    if (copy->path == NULL
        || social_store_path(sr->op.copy.key, copy->path, &len) != SOCIAL_OK
        || ngx_http_social_store_change_copy(change,
                                        &copy->copy.condition.if_match,
                                        sr->op.copy.condition.if_match)
           != NGX_OK
        || ngx_http_social_store_change_copy(change,
                                        &copy->copy.condition.if_none_match,
                                        sr->op.copy.condition.if_none_match)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!copy->copy.replace) {
        return NGX_OK;
    }

    if (ngx_http_social_store_change_kept(change, sr, &meta->headers) != NGX_OK
        || ngx_http_social_store_change_type(r, change, &meta->type) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_copy_prepare(ngx_http_social_store_change_t *change)
{
    ngx_http_social_copy_t  *copy;

    copy = (ngx_http_social_copy_t *) change;

    if (!copy->opened) {

        change->error = ngx_http_social_copy_open(copy);

        if (change->error != SOCIAL_S3_OK) {
            return;
        }

        copy->opened = 1;
    }

    ngx_http_social_store_change_prepare(change);
}


social_s3_error_e
ngx_http_social_store_source(ngx_http_social_store_change_t *change,
    const char *path, const social_s3_condition_t *condition, u_char *buf,
    social_store_meta_t *meta, social_net_object_t *object)
{
    u_char               etag[SOCIAL_STORE_ETAG_SIZE];
    size_t               len;
    social_s3_version_t  version;

    switch (social_net_disk_open(change->commit.net.disk, path, buf,
                                 SOCIAL_STORE_META_SIZE, &len, meta, object))
    {
    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        return SOCIAL_S3_NO_SUCH_KEY;

    case SOCIAL_MALFORMED:
        return SOCIAL_S3_INTERNAL_ERROR;

    default:
        ngx_http_social_store_change_failed(change, ngx_errno);
        return change->error;
    }

    version.etag.data = etag + 1;
    version.etag.len = social_store_meta_etag(meta, etag) - 2;
    version.modified = meta->modified;

    return social_s3_condition_read(condition, &version, time(NULL))
           == SOCIAL_S3_CONDITION_TRUE
           ? SOCIAL_S3_OK : SOCIAL_S3_PRECONDITION_FAILED;
}


static social_s3_error_e
ngx_http_social_copy_open(ngx_http_social_copy_t *copy)
{
    social_s3_error_e     error;
    social_net_commit_t  *net;
    social_store_meta_t   meta;

    net = &copy->change.commit.net;

    error = ngx_http_social_store_source(&copy->change, (char *) copy->path,
                                         &copy->copy.condition, copy->buf,
                                         &meta, &copy->source);
    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (meta.size > SOCIAL_S3_MAX_COPY) {
        return SOCIAL_S3_COPY_SOURCE_TOO_LARGE;
    }

    ngx_memcpy(net->meta.etag, meta.etag, sizeof(meta.etag));
    net->meta.parts = meta.place == SOCIAL_STORE_PARTS ? meta.parts : 0;
    net->meta.size = meta.size;
    net->meta.checksums = meta.checksums;

    if (!copy->copy.replace) {
        net->meta.type = meta.type;
        net->meta.headers = meta.headers;
    }

    switch (meta.place) {

    case SOCIAL_STORE_FILE:
        net->source = &copy->source;
        return SOCIAL_S3_OK;

    case SOCIAL_STORE_PARTS:
        net->source = &copy->source;
        return ngx_http_social_copy_bytes(copy, meta.parts
                                                * SOCIAL_STORE_PART_SIZE);

    default:
        return ngx_http_social_copy_bytes(copy, meta.size);
    }
}


/*
 * What stands after the text: the bytes of a small object, or the records of
 * parts.
 */

static social_s3_error_e
ngx_http_social_copy_bytes(ngx_http_social_copy_t *copy, size_t size)
{
    u_char               *p;
    ssize_t               n;
    social_net_commit_t  *net;

    net = &copy->change.commit.net;

    p = ngx_pnalloc(copy->change.task->pool, size + 1);
    if (p == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    n = pread(copy->source.fd, p, size, copy->source.offset);

    if (n == -1) {
        ngx_http_social_store_change_failed(&copy->change, ngx_errno);
        return copy->change.error;
    }

    if ((size_t) n != size) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    net->bytes.data = p;
    net->bytes.len = size;

    return SOCIAL_S3_OK;
}


static ngx_int_t
ngx_http_social_copy_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    u_char        *p;
    social_buf_t   b;

    /* onto itself, what is replaced is removed next */

    ngx_http_social_copy_free(change);

    p = ngx_pnalloc(r->pool, 1024 + 6 * SOCIAL_STORE_MAX_CHECKSUMS);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, 1024 + 6 * SOCIAL_STORE_MAX_CHECKSUMS);
    social_s3_xml_copied(&b, "CopyObjectResult", &change->commit.net.meta);

    return ngx_http_social_store_xml(r, &b);
}


static void
ngx_http_social_copy_free(ngx_http_social_store_change_t *change)
{
    ngx_http_social_copy_t  *copy;

    copy = (ngx_http_social_copy_t *) change;

    social_net_object_close(&copy->source);
}
