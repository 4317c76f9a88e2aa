
/*
 * The embedded store: uploads in parts, their beginning and their end.
 */

#include "ngx_http_social_store_body.h"
#include "ngx_http_social_store_change.h"
#include "social_net_parts.h"
#include "social_net_upload.h"
#include "social_s3_complete.h"
#include "social_s3_xml_upload.h"


typedef struct {
    ngx_http_social_store_change_t     change;
    social_s3_checksum_e               algorithm;
    ngx_uint_t                         full;
    u_char                             text[SOCIAL_STORE_UPLOAD_SIZE];
} ngx_http_social_create_t;


typedef struct {
    ngx_http_social_store_change_t     change;
    ngx_http_social_store_body_t       body;
    social_s3_complete_t               list;
    ngx_uint_t                         parsed;
    u_char                            *records;
    u_char                             number[NGX_INT_T_LEN];
    u_char                             checksums[SOCIAL_S3_CHECKSUM_TEXT + 64];
    u_char                             meta[SOCIAL_STORE_META_SIZE];

    /* what the client says of the object */

    social_s3_checksum_t               whole;
    ngx_uint_t                         has_whole;
    ngx_uint_t                         has_type;
    ngx_uint_t                         full;
    off_t                              size;       /* -1: nothing */
} ngx_http_social_complete_t;


static ngx_int_t ngx_http_social_create_text(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_create_t *create);
static ngx_int_t ngx_http_social_create_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_upload_abort_prepare(
    ngx_http_social_store_change_t *change);
static ngx_int_t ngx_http_social_upload_abort_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_complete_read(ngx_http_request_t *r);
static void ngx_http_social_complete_prepare(
    ngx_http_social_store_change_t *change);
static social_s3_error_e ngx_http_social_complete_parse(
    ngx_http_social_complete_t *complete);
static social_s3_error_e ngx_http_social_complete_lock(
    ngx_http_social_complete_t *complete);
static social_s3_error_e ngx_http_social_complete_check(
    ngx_http_social_complete_t *complete,
    const social_net_upload_t *upload);
static social_s3_error_e ngx_http_social_complete_whole(
    ngx_http_social_complete_t *complete,
    const social_store_upload_t *upload, const social_net_complete_t *parts);
static social_s3_error_e ngx_http_social_complete_meta(
    ngx_http_social_complete_t *complete,
    const social_store_upload_t *upload, const social_net_complete_t *parts);
static social_s3_error_e ngx_http_social_complete_again(
    ngx_http_social_complete_t *complete);
static ngx_int_t ngx_http_social_complete_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_complete_free(
    ngx_http_social_store_change_t *change);


ngx_int_t
ngx_http_social_store_upload_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_http_social_create_t  *create;

    create = (ngx_http_social_create_t *)
             ngx_http_social_store_change_create(r, sr,
                                            sizeof(ngx_http_social_create_t));
    if (create == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    create->change.prepare = ngx_http_social_store_change_prepare;
    create->change.answer = ngx_http_social_create_answer;
    create->change.commit.net.kind = SOCIAL_NET_COMMIT_CREATE;

    if (ngx_http_social_create_text(r, sr, create) != NGX_OK) {
        ngx_http_social_store_change_free(&create->change);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_store_change_start(r, &create->change, 0);
}


static ngx_int_t
ngx_http_social_create_text(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_create_t *create)
{
    u_char                  name[16];
    size_t                  i, len;
    social_str_t            algorithm;
    social_net_commit_t    *net;
    social_store_upload_t   upload;

    net = &create->change.commit.net;

    create->algorithm = sr->op.whole.algorithm;
    create->full = sr->op.full;

    ngx_memzero(&upload, sizeof(social_store_upload_t));

    ngx_memcpy(upload.id, net->meta.id, sizeof(upload.id));
    upload.created = ngx_time();
    upload.key = net->key;
    upload.full = sr->op.full;

    algorithm = social_s3_checksum_name(create->algorithm);

    for (i = 0; i < algorithm.len; i++) {
        name[i] = ngx_tolower(algorithm.data[i]);
    }

    upload.algorithm.data = name;
    upload.algorithm.len = algorithm.len;

    if (ngx_http_social_store_change_kept(&create->change, sr, &upload.headers)
        != NGX_OK
        || ngx_http_social_store_change_type(r, &create->change, &upload.type)
           != NGX_OK
        || social_store_upload_write(&upload, create->text, &len) != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    net->bytes.data = create->text;
    net->bytes.len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_create_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    u_char                    *p;
    size_t                     size;
    ngx_str_t                  algorithm, *type;
    social_buf_t               b;
    social_str_t               id;
    ngx_http_social_create_t  *create;
    static ngx_str_t           full = ngx_string("FULL_OBJECT");
    static ngx_str_t           composite = ngx_string("COMPOSITE");

    create = (ngx_http_social_create_t *) change;

    size = 1024 + 6 * (change->conf->bucket->bucket.len
                       + change->commit.net.key.len);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (create->algorithm != SOCIAL_S3_CHECKSUM_NONE) {

        ngx_http_social_from_str(&algorithm,
                                 social_s3_checksum_name(create->algorithm));
        type = create->full ? &full : &composite;

        if (ngx_http_social_header_out_push(r, "x-amz-checksum-algorithm",
                                            &algorithm)
            == NULL
            || ngx_http_social_header_out_push(r, "x-amz-checksum-type", type)
               == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    id.data = change->commit.net.meta.id;
    id.len = SOCIAL_STORE_ID_SIZE;

    social_buf_init(&b, p, size);
    social_s3_xml_created(&b,
                          ngx_http_social_view(&change->conf->bucket->bucket),
                          change->commit.net.key, id);

    return ngx_http_social_store_xml(r, &b);
}


ngx_int_t
ngx_http_social_store_upload_abort(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    social_net_commit_t             *net;
    ngx_http_social_store_change_t  *change;

    change = ngx_http_social_store_change_create(r, sr,
                                      sizeof(ngx_http_social_store_change_t));
    if (change == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    change->prepare = ngx_http_social_upload_abort_prepare;
    change->answer = ngx_http_social_upload_abort_answer;

    net = &change->commit.net;

    net->kind = SOCIAL_NET_COMMIT_ABORT;
    net->remove = 1;

    ngx_memcpy(net->name, net->meta.id, SOCIAL_STORE_ID_SIZE);
    ngx_memcpy(net->meta.id, sr->op.upload.data, SOCIAL_STORE_ID_SIZE);

    return ngx_http_social_store_change_start(r, change, 0);
}


static void
ngx_http_social_upload_abort_prepare(ngx_http_social_store_change_t *change)
{
    social_net_commit_t     *net;
    social_net_upload_t      upload;
    social_net_commit_rc_e   rc;

    net = &change->commit.net;

    rc = social_net_upload_read(net->disk, net->meta.id, net->key, net->path,
                                &upload);

    switch (rc) {

    case SOCIAL_NET_COMMIT_OK:
        ngx_http_social_store_change_prepare(change);
        return;

    case SOCIAL_NET_COMMIT_NO_UPLOAD:
        change->error = SOCIAL_S3_NO_SUCH_UPLOAD;
        return;

    default:
        ngx_http_social_store_change_failed(change, ngx_errno);
    }
}


static ngx_int_t
ngx_http_social_upload_abort_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    if (ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->headers_out.content_length_n = -1;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_social_store_upload_complete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                    rc;
    social_s3_error_e            error;
    social_net_commit_t         *net;
    social_s3_error_body_t       text;
    ngx_http_social_complete_t  *complete;

    error = ngx_http_social_store_body_check(r, sr, SOCIAL_S3_COMPLETE_SIZE);

    if (error != SOCIAL_S3_OK) {
        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        return ngx_http_social_store_refuse(r, error, &text);
    }

    complete = (ngx_http_social_complete_t *)
               ngx_http_social_store_change_create(r, sr,
                                          sizeof(ngx_http_social_complete_t));
    if (complete == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    complete->change.prepare = ngx_http_social_complete_prepare;
    complete->change.answer = ngx_http_social_complete_answer;
    complete->change.free = ngx_http_social_complete_free;

    complete->whole = sr->op.whole;
    complete->has_whole = sr->op.has_whole;
    complete->has_type = sr->op.has_type;
    complete->full = sr->op.full;
    complete->size = sr->op.size;

    net = &complete->change.commit.net;

    net->announce = complete->change.conf->announce;

    /* the object's ID is the upload's */

    ngx_memcpy(net->name, net->meta.id, SOCIAL_STORE_ID_SIZE);
    ngx_memcpy(net->meta.id, sr->op.upload.data, SOCIAL_STORE_ID_SIZE);

    if (ngx_http_social_store_body_init(r, sr, complete->change.task->pool,
                                        &complete->body)
        != NGX_OK)
    {
        ngx_http_social_store_change_free(&complete->change);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, complete, ngx_http_social_store_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_complete_read);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_social_complete_read(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_social_complete_t  *complete;

    complete = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    if (ngx_http_social_store_body_read(r, &complete->body,
                                        ngx_http_social_complete_read)
        != NGX_OK)
    {
        return;
    }

    if (ngx_http_social_store_change_commit(&complete->change) != NGX_OK) {
        rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_social_complete_prepare(ngx_http_social_store_change_t *change)
{
    ngx_http_social_complete_t  *complete;

    complete = (ngx_http_social_complete_t *) change;

    change->busy = 0;

    if (!complete->parsed) {

        change->error = ngx_http_social_complete_parse(complete);

        if (change->error != SOCIAL_S3_OK) {
            return;
        }

        complete->parsed = 1;
    }

    /* it may be locked already, and the key's lock was not free */

    if (change->commit.net.upload == -1) {

        change->error = ngx_http_social_complete_lock(complete);

        if (change->error != SOCIAL_S3_OK || change->busy || change->done) {
            return;
        }
    }

    ngx_http_social_store_change_prepare(change);
}


static social_s3_error_e
ngx_http_social_complete_parse(ngx_http_social_complete_t *complete)
{
    u_char             *p;
    size_t              n;
    ngx_pool_t         *pool;
    social_buf_t        work;
    social_str_t        xml;
    social_s3_error_e   error;

    error = ngx_http_social_store_body_decode(&complete->body, &xml);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    pool = complete->change.task->pool;
    n = social_s3_complete_parts(xml);

    p = ngx_pnalloc(pool, xml.len + 1);
    complete->list.size = n;
    complete->list.parts = ngx_palloc(pool, (n + 1)
                                      * sizeof(social_s3_complete_part_t));
    complete->records = ngx_pnalloc(pool, n * SOCIAL_STORE_PART_SIZE + 1);

    if (p == NULL || complete->list.parts == NULL || complete->records == NULL)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    social_buf_init(&work, p, xml.len + 1);

    return social_s3_complete_read(xml, &work, &complete->list);
}


static social_s3_error_e
ngx_http_social_complete_lock(ngx_http_social_complete_t *complete)
{
    social_s3_error_e                error;
    social_net_commit_t             *net;
    social_net_upload_t              upload;
    social_net_commit_rc_e           rc;
    ngx_http_social_store_change_t  *change;

    change = &complete->change;
    net = &change->commit.net;

    rc = social_net_upload_lock(net->disk, net->path, net->meta.id, true,
                                &net->upload);

    if (rc == SOCIAL_NET_COMMIT_OK) {
        rc = social_net_upload_read(net->disk, net->meta.id, net->key,
                                    net->path, &upload);
    }

    switch (rc) {

    case SOCIAL_NET_COMMIT_OK:
        break;

    case SOCIAL_NET_COMMIT_BUSY:
        change->busy = 1;
        return SOCIAL_S3_OK;

    case SOCIAL_NET_COMMIT_NO_UPLOAD:
        return ngx_http_social_complete_again(complete);

    default:
        ngx_http_social_store_change_failed(change, ngx_errno);
        return change->error;
    }

    error = ngx_http_social_complete_check(complete, &upload);

    /* views of a buffer that goes */

    if (error == SOCIAL_S3_OK
        && (ngx_http_social_store_change_copy(change, &net->meta.type,
                                              upload.upload.type)
            != NGX_OK
            || ngx_http_social_store_change_copy(change, &net->meta.headers,
                                                 upload.upload.headers)
               != NGX_OK))
    {
        error = SOCIAL_S3_INTERNAL_ERROR;
    }

    return error;
}


static social_s3_error_e
ngx_http_social_complete_check(ngx_http_social_complete_t *complete,
    const social_net_upload_t *upload)
{
    social_s3_error_e                error;
    social_net_complete_t            parts;
    ngx_http_social_store_change_t  *change;

    change = &complete->change;

    ngx_memzero(&parts, sizeof(social_net_complete_t));
    parts.max_size = change->conf->max_size;

    social_net_upload_check(change->commit.net.disk, &upload->upload,
                            &complete->list, complete->records, &parts);

    switch (parts.error) {

    case SOCIAL_S3_OK:
        break;

    case SOCIAL_S3_SERVICE_UNAVAILABLE:
        ngx_http_social_store_change_failed(change, parts.err);
        return change->error;

    case SOCIAL_S3_INVALID_PART:
    case SOCIAL_S3_ENTITY_TOO_SMALL:
        change->text.details[0].name = social_str("PartNumber");
        change->text.details[0].value.data = complete->number;
        change->text.details[0].value.len = ngx_sprintf(complete->number, "%ui",
                                                        (ngx_uint_t)
                                                        parts.number)
                                            - complete->number;
        return parts.error;

    default:
        return parts.error;
    }

    error = ngx_http_social_complete_whole(complete, &upload->upload, &parts);

    return error == SOCIAL_S3_OK
           ? ngx_http_social_complete_meta(complete, &upload->upload, &parts)
           : error;
}


/*
 * What the client says of the whole has to be so.
 */

static social_s3_error_e
ngx_http_social_complete_whole(ngx_http_social_complete_t *complete,
    const social_store_upload_t *upload, const social_net_complete_t *parts)
{
    social_s3_error_body_t  *text;

    text = &complete->change.text;

    if (complete->size >= 0 && complete->size != parts->size) {
        text->message = social_str("The size given is not that of the parts");
        return SOCIAL_S3_INVALID_REQUEST;
    }

    if ((complete->has_type && upload->algorithm.len
         && complete->full != upload->full)
        || (complete->has_whole
            && (!parts->has_whole
                || complete->whole.algorithm != parts->whole.algorithm)))
    {
        text->message = social_str("Checksum type mismatch: the upload was "
                                   "created with another one");
        return SOCIAL_S3_INVALID_REQUEST;
    }

    if (complete->has_whole
        && ngx_memcmp(complete->whole.value, parts->whole.value,
                      social_s3_checksum_size(parts->whole.algorithm))
           != 0)
    {
        return SOCIAL_S3_BAD_DIGEST;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
ngx_http_social_complete_meta(ngx_http_social_complete_t *complete,
    const social_store_upload_t *upload, const social_net_complete_t *parts)
{
    u_char                text[SOCIAL_S3_CHECKSUM_TEXT + 32], *p;
    social_buf_t          b;
    social_str_t          value;
    social_net_commit_t  *net;

    net = &complete->change.commit.net;

    net->meta.parts = complete->list.count;
    net->meta.size = parts->size;
    ngx_memcpy(net->meta.etag, parts->etag, sizeof(parts->etag));

    net->bytes.data = complete->records;
    net->bytes.len = complete->list.count * SOCIAL_STORE_PART_SIZE;

    if (!parts->has_whole) {
        return SOCIAL_S3_OK;
    }

    p = text + social_s3_checksum_write(parts->whole.algorithm,
                                        parts->whole.value, text);

    p = upload->full ? ngx_sprintf(p, " full")
                     : ngx_sprintf(p, "-%ui composite",
                                   (ngx_uint_t) net->meta.parts);
    value.data = text;
    value.len = p - text;

    social_buf_init(&b, complete->checksums, sizeof(complete->checksums));
    social_store_meta_add(&b, social_s3_checksum_name(parts->whole.algorithm),
                          value);

    net->meta.checksums = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? SOCIAL_S3_OK : SOCIAL_S3_INTERNAL_ERROR;
}


/*
 * A client that did not get the answer asks again: if the object is that of the
 * upload, it gets one.
 */

static social_s3_error_e
ngx_http_social_complete_again(ngx_http_social_complete_t *complete)
{
    size_t                           len;
    social_rc_e                      rc;
    social_net_commit_t             *net;
    social_store_meta_t              meta;
    ngx_http_social_store_change_t  *change;

    change = &complete->change;
    net = &change->commit.net;

    rc = social_net_disk_meta(net->disk, net->path, complete->meta,
                              sizeof(complete->meta), &len, &meta, NULL);

    if (rc == SOCIAL_FAILED) {
        ngx_http_social_store_change_failed(change, ngx_errno);
        return change->error;
    }

    if (rc != SOCIAL_OK
        || ngx_memcmp(meta.id, net->meta.id, SOCIAL_STORE_ID_SIZE) != 0)
    {
        return SOCIAL_S3_NO_SUCH_UPLOAD;
    }

    /* who completed it may have died before it was durable */

    if (net->disk->sync && social_net_disk_sync(net->disk) != SOCIAL_OK) {
        ngx_http_social_store_change_failed(change, ngx_errno);
        return change->error;
    }

    net->meta = meta;
    change->done = 1;

    return SOCIAL_S3_OK;
}


static ngx_int_t
ngx_http_social_complete_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    u_char               *p, *last;
    size_t                size;
    social_buf_t          b;
    social_str_t          path, query, location;
    social_net_commit_t  *net;

    net = &change->commit.net;

    ngx_http_social_store_split(r, &path, &query);

    location.len = sizeof("https://") - 1 + path.len
                   + (r->headers_in.host ? r->headers_in.host->value.len : 0);

    size = 2048 + 6 * (location.len + net->key.len
                       + change->conf->bucket->bucket.len
                       + net->meta.checksums.len);

    p = ngx_pnalloc(r->pool, location.len + size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = ngx_cpymem(p, "http", 4);

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        *last++ = 's';
    }
#endif

    last = ngx_cpymem(last, "://", 3);

    if (r->headers_in.host) {
        last = ngx_cpymem(last, r->headers_in.host->value.data,
                          r->headers_in.host->value.len);
    }

    last = ngx_cpymem(last, path.data, path.len);

    location.data = p;
    location.len = last - p;

    social_buf_init(&b, last, size);
    social_s3_xml_completed(&b, location,
                          ngx_http_social_view(&change->conf->bucket->bucket),
                          net->key, &net->meta);

    return ngx_http_social_store_xml(r, &b);
}


static void
ngx_http_social_complete_free(ngx_http_social_store_change_t *change)
{
    ngx_http_social_complete_t  *complete;

    complete = (ngx_http_social_complete_t *) change;

    ngx_http_social_store_body_free(&complete->body);
}
