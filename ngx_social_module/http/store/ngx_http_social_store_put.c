
/*
 * The embedded store: writing an object.
 *
 * The body is read unbuffered, since nginx would write its own temporary file
 * on the event loop: each piece is copied to a buffer of the request's and
 * written in a thread, and the next one is read when that is done.  At the end
 * a thread verifies digests and commits the object.  If the client closes the
 * connection before that, nothing is left.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"


#define NGX_HTTP_SOCIAL_PUT_ROOM  (192 * 1024)


typedef enum {
    NGX_HTTP_SOCIAL_PUT_WRITE = 0,
    NGX_HTTP_SOCIAL_PUT_COMMIT,
    NGX_HTTP_SOCIAL_PUT_ABORT
} ngx_http_social_put_step_e;


/* the context of the request's thread task, posted for each step */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_put_step_e         step;
    ngx_uint_t                         committed;  /* and to be announced */

    social_net_disk_put_t              disk;
    u_char                             id[SOCIAL_STORE_ID_SIZE];
    ngx_str_t                          announce;

    ngx_http_social_store_digest_t     digest;
    off_t                              received;

    social_s3_error_e                  error;      /* of the last step */
    ngx_err_t                          err;

    size_t                             len;        /* of the current piece */
    u_char                            *room;
} ngx_http_social_put_t;


static ngx_http_social_put_t *ngx_http_social_put_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr, off_t size);
static social_s3_error_e ngx_http_social_put_prepare(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_put_t *put);
static void ngx_http_social_put_body(ngx_http_request_t *r);
static void ngx_http_social_put_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_http_request_body_t *rb);
static ngx_int_t ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step);
static void ngx_http_social_put_thread(void *data, ngx_log_t *log);
static void ngx_http_social_put_write(ngx_http_social_put_t *put);
static social_s3_error_e ngx_http_social_put_data(ngx_http_social_put_t *put,
    social_str_t data);
static void ngx_http_social_put_commit(ngx_http_social_put_t *put);
static void ngx_http_social_put_done(ngx_http_social_task_t *task);
static void ngx_http_social_put_abort(ngx_http_social_put_t *put);
static void ngx_http_social_put_failed(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_answer(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_checksum(ngx_http_request_t *r,
    social_s3_checksum_t *checksum);
static void ngx_http_social_put_free(ngx_http_social_put_t *put);


ngx_int_t
ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    off_t                              size;
    ngx_int_t                          rc;
    social_s3_error_e                  error;
    social_s3_error_body_t             text;
    ngx_http_social_put_t             *put;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    error = SOCIAL_S3_OK;

    size = sr->op.length >= 0 ? sr->op.length
                              : r->headers_in.content_length_n;

    if (size < 0) {
        error = SOCIAL_S3_MISSING_CONTENT_LENGTH;

    } else if (size > slcf->max_size) {
        error = SOCIAL_S3_ENTITY_TOO_LARGE;
    }

    put = NULL;

    if (error == SOCIAL_S3_OK) {

        put = ngx_http_social_put_create(r, sr, size);
        if (put == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        error = ngx_http_social_put_prepare(r, sr, put);
    }

    if (error != SOCIAL_S3_OK) {
        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        return ngx_http_social_store_refuse(r, error, &text);
    }

    ngx_http_set_ctx(r, put, ngx_http_social_store_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_put_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_http_social_put_t *
ngx_http_social_put_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t size)
{
    u_char                  *path;
    ngx_str_t               *type;
    ngx_http_social_put_t   *put;
    ngx_http_social_task_t  *task;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_put_t),
                                       ngx_http_social_put_thread,
                                       ngx_http_social_put_done);
    if (task == NULL) {
        return NULL;
    }

    put = task->ctx;

    put->task = task;
    put->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    put->disk.fd = -1;

    put->room = ngx_palloc(task->pool, NGX_HTTP_SOCIAL_PUT_ROOM);
    path = ngx_pnalloc(task->pool, sr->path.len + 1);

    if (put->room == NULL || path == NULL
        || ngx_http_social_store_id(put->id) != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_put_free(put);
        return NULL;
    }

    if (ngx_http_social_store_condition(task->pool, &put->disk.condition,
                                        &sr->op.condition)
        != NGX_OK)
    {
        ngx_http_social_put_free(put);
        return NULL;
    }

    ngx_memcpy(path, sr->path.data, sr->path.len + 1);

    put->disk.root = (char *) put->conf->root.data;
    put->disk.id = put->id;
    put->disk.path = (char *) path;
    put->disk.sync = put->conf->sync;
    put->disk.meta.size = size;
    ngx_memcpy(put->disk.meta.id, put->id, SOCIAL_STORE_ID_SIZE);

    if (r->headers_in.content_type) {

        type = &r->headers_in.content_type->value;

        put->disk.meta.type.len = type->len;
        put->disk.meta.type.data = ngx_pstrdup(task->pool, type);

        if (put->disk.meta.type.data == NULL) {
            ngx_http_social_put_free(put);
            return NULL;
        }
    }

    return put;
}


static social_s3_error_e
ngx_http_social_put_prepare(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_put_t *put)
{
    social_s3_error_e  error;

    error = ngx_http_social_store_digest_init(put->task->pool, sr,
                                              &put->digest);

    if (error != SOCIAL_S3_OK || !put->conf->announce) {
        return error;
    }

    if (ngx_http_social_store_announcement(put->task->pool, &put->disk.meta,
                                           sr->op.key, &put->announce)
        != NGX_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    put->disk.announce = ngx_http_social_view(&put->announce);

    return SOCIAL_S3_OK;
}


static void
ngx_http_social_put_body(ngx_http_request_t *r)
{
    ngx_http_social_put_read(r);
}


/*
 * Copies what has been read to the buffer and posts it to a thread; if nothing
 * has been read, continues reading.
 */

static void
ngx_http_social_put_read(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_social_put_t  *put;

    put = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    if (put->task->busy) {
        return;
    }

    for ( ;; ) {

        if (ngx_http_social_put_take(put, r->request_body) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (put->len || !r->reading_body) {

            r->read_event_handler = ngx_http_block_reading;

            if (ngx_http_social_put_post(put, put->len
                                              ? NGX_HTTP_SOCIAL_PUT_WRITE
                                              : NGX_HTTP_SOCIAL_PUT_COMMIT)
                != NGX_OK)
            {
                rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
                ngx_http_finalize_request(r, rc);
            }

            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_http_social_put_read;
            return;
        }
    }
}


/*
 * What does not fit stays in the request's buffers.
 */

static ngx_int_t
ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_http_request_body_t *rb)
{
    size_t      n;
    ngx_buf_t  *b;

    for ( /* void */ ; rb->bufs; rb->bufs = rb->bufs->next) {

        b = rb->bufs->buf;

        if (b->in_file) {
            return NGX_ERROR;
        }

        n = ngx_min((size_t) (b->last - b->pos),
                    NGX_HTTP_SOCIAL_PUT_ROOM - put->len);

        if (n) {
            ngx_memcpy(put->room + put->len, b->pos, n);
            put->len += n;
            b->pos += n;
        }

        if (b->pos != b->last) {
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step)
{
    put->step = step;

    return ngx_http_social_task_post(put->task, put->conf->thread_pool);
}


static void
ngx_http_social_put_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_put_t  *put = data;

    put->error = SOCIAL_S3_OK;

    switch (put->step) {

    case NGX_HTTP_SOCIAL_PUT_WRITE:
        ngx_http_social_put_write(put);
        break;

    case NGX_HTTP_SOCIAL_PUT_COMMIT:
        ngx_http_social_put_commit(put);
        break;

    case NGX_HTTP_SOCIAL_PUT_ABORT:
        social_net_disk_abort(put->disk.root, put->id, put->disk.fd);
        put->disk.fd = -1;
        break;
    }

    if (put->error != SOCIAL_S3_OK && put->disk.fd != -1) {

        /* space is freed before the client is informed, and retries */

        social_net_disk_abort(put->disk.root, put->id, put->disk.fd);
        put->disk.fd = -1;
    }
}


static void
ngx_http_social_put_write(ngx_http_social_put_t *put)
{
    social_str_t  piece, data;

    piece.data = put->room;
    piece.len = put->len;

    if (put->disk.fd == -1
        && social_net_disk_create(put->disk.root, put->id, &put->disk.fd)
           != SOCIAL_OK)
    {
        put->err = ngx_errno;
        put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
        return;
    }

    do {
        put->error = ngx_http_social_store_digest_next(&put->digest, &piece,
                                                       &data);

        if (put->error == SOCIAL_S3_OK && data.len) {
            put->error = ngx_http_social_put_data(put, data);
        }

    } while (put->error == SOCIAL_S3_OK && piece.len);
}


static social_s3_error_e
ngx_http_social_put_data(ngx_http_social_put_t *put, social_str_t data)
{
    /* chunks may be more than they were said to be */

    if ((off_t) data.len > put->disk.meta.size - put->received) {
        return SOCIAL_S3_INCOMPLETE_BODY;
    }

    if (social_net_disk_write(put->disk.fd, data) != SOCIAL_OK) {
        put->err = ngx_errno;
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }

    put->received += data.len;

    return ngx_http_social_store_digest_update(&put->digest, data);
}


static void
ngx_http_social_put_commit(ngx_http_social_put_t *put)
{
    if (put->disk.fd == -1
        && social_net_disk_create(put->disk.root, put->id, &put->disk.fd)
           != SOCIAL_OK)
    {
        put->err = ngx_errno;
        put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
        return;
    }

    if (put->received != put->disk.meta.size) {
        put->error = SOCIAL_S3_INCOMPLETE_BODY;
        return;
    }

    put->error = ngx_http_social_store_digest_final(&put->digest,
                                                    put->disk.meta.etag);

    if (put->error != SOCIAL_S3_OK) {
        return;
    }

    put->disk.meta.modified = time(NULL);

    if (put->announce.len) {
        ngx_http_social_store_announcement_etag(&put->announce,
                                                &put->disk.meta);
    }

    switch (social_net_disk_commit(&put->disk)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        put->error = put->disk.refused;
        return;

    default:
        put->err = ngx_errno;
        put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
        return;
    }

    put->committed = (put->announce.len != 0);
}


/*
 * Also called by the request's cleanup while no thread uses it.
 */

static void
ngx_http_social_put_done(ngx_http_social_task_t *task)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_social_put_t  *put;

    put = task->ctx;
    r = task->owner;

    if (put->committed) {

        /* even if the client has closed the connection */

        ngx_http_social_store_announce(put->conf, put->id, &put->announce);
        put->committed = 0;
    }

    if (r == NULL) {
        ngx_http_social_put_abort(put);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (put->error != SOCIAL_S3_OK) {

        ngx_http_social_put_failed(r, put);

        rc = ngx_http_social_store_error(r, put->error, NULL);
        ngx_http_finalize_request(r, rc);

    } else if (put->step == NGX_HTTP_SOCIAL_PUT_COMMIT) {

        rc = ngx_http_social_put_answer(r, put);
        ngx_http_finalize_request(r, rc);

    } else {
        put->len = 0;
        ngx_http_social_put_read(r);
    }

    ngx_http_run_posted_requests(c);
}


/* no thread uses it, and the request is gone */

static void
ngx_http_social_put_abort(ngx_http_social_put_t *put)
{
    if (put->disk.fd == -1
        || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_ABORT) != NGX_OK)
    {
        ngx_http_social_put_free(put);
    }
}


static void
ngx_http_social_put_failed(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    if (put->error == SOCIAL_S3_SERVICE_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, put->err,
                      "social: the store could not write below \"%V\"",
                      &put->conf->root);
    }
}


static ngx_int_t
ngx_http_social_put_answer(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    ngx_str_t         etag, body;
    static ngx_str_t  none = ngx_null_string;

    etag.data = ngx_pnalloc(r->pool, 34);
    if (etag.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag.len = ngx_sprintf(etag.data, "\"%*s\"", (size_t) 32,
                           put->disk.meta.etag)
               - etag.data;

    if (ngx_http_social_header_out_push(r, "ETag", &etag) == NULL
        || ngx_http_social_put_checksum(r, &put->digest.checksum) != NGX_OK
        || ngx_http_social_store_headers(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&body);

    return ngx_http_social_reply(r, NGX_HTTP_OK, &none, &body);
}


/*
 * The checksum that was verified.
 */

static ngx_int_t
ngx_http_social_put_checksum(ngx_http_request_t *r,
    social_s3_checksum_t *checksum)
{
    ngx_str_t         value;
    social_str_t      name;
    static ngx_str_t  full = ngx_string("FULL_OBJECT");

    if (checksum->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, SOCIAL_S3_CHECKSUM_TEXT);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = social_s3_checksum_write(checksum->algorithm, checksum->value,
                                         value.data);
    name = social_s3_checksum_header(checksum->algorithm);

    if (ngx_http_social_header_out_push(r, (char *) name.data, &value) == NULL
        || ngx_http_social_header_out_push(r, "x-amz-checksum-type", &full)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_put_free(ngx_http_social_put_t *put)
{
    if (put->disk.fd != -1) {
        ngx_close_file(put->disk.fd);
    }

    ngx_http_social_store_digest_free(&put->digest);
    ngx_http_social_task_free(put->task);
}
