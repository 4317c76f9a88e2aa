
/*
 * The embedded store: writing an object.
 *
 * The body is read unbuffered, so that nginx writes no temporary file of its
 * own on the event loop: each piece is copied to memory of this object and
 * written by a thread, and the next is read when that is done.  At the end
 * a thread compares digests and commits.  A client that leaves earlier leaves
 * nothing behind.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"
#include "social_crypto.h"
#include "social_encoding.h"

#include <ngx_md5.h>


#define NGX_HTTP_SOCIAL_PUT_ROOM  (192 * 1024)


typedef enum {
    NGX_HTTP_SOCIAL_PUT_WRITE = 0,
    NGX_HTTP_SOCIAL_PUT_COMMIT,
    NGX_HTTP_SOCIAL_PUT_ABORT
} ngx_http_social_put_step_e;


typedef struct {
    ngx_pool_t                        *pool;       /* its own */
    ngx_http_request_t                *request;    /* NULL: it has gone */
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_thread_task_t                 *task;
    ngx_http_social_put_step_e         step;
    ngx_uint_t                         busy;       /* a thread has it */

    social_net_disk_put_t              disk;
    u_char                             id[SOCIAL_STORE_ID_SIZE];
    ngx_str_t                          announce;

    ngx_md5_t                          md5;
    social_sha256_t                   *sha256;     /* where it is asked for */
    uint32_t                           crc32;
    off_t                              received;

    u_char                             want_sha256[SOCIAL_SHA256_SIZE];
    u_char                             want_checksum[SOCIAL_SHA256_SIZE];
    u_char                             want_md5[16];
    u_char                             want_crc32[4];
    unsigned                           has_sha256:1;     /* in the signature */
    unsigned                           has_checksum:1;   /* in a header */
    unsigned                           has_md5:1;
    unsigned                           has_crc32:1;

    social_s3_error_e                  error;      /* of the last step */
    ngx_err_t                          err;

    size_t                             len;        /* of the current piece */
    u_char                            *room;
} ngx_http_social_put_t;


static ngx_http_social_put_t *ngx_http_social_put_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr);
static social_s3_error_e ngx_http_social_put_checks(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_header(ngx_http_request_t *r,
    const char *name, u_char *value, size_t len, ngx_uint_t *has);
static void ngx_http_social_put_body(ngx_http_request_t *r);
static void ngx_http_social_put_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_chain_t *cl);
static ngx_int_t ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step);
static void ngx_http_social_put_thread(void *data, ngx_log_t *log);
static void ngx_http_social_put_write(ngx_http_social_put_t *put);
static void ngx_http_social_put_commit(ngx_http_social_put_t *put);
static social_s3_error_e ngx_http_social_put_compare(
    ngx_http_social_put_t *put);
static void ngx_http_social_put_done(ngx_event_t *ev);
static void ngx_http_social_put_failed(ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_answer(ngx_http_social_put_t *put);
static void ngx_http_social_put_cleanup(void *data);
static void ngx_http_social_put_free(ngx_http_social_put_t *put);


ngx_int_t
ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                          rc;
    social_s3_error_e                  error;
    ngx_http_cleanup_t                *cln;
    ngx_http_social_put_t             *put;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    error = SOCIAL_S3_OK;

    if (r->headers_in.content_length_n < 0) {
        error = SOCIAL_S3_MISSING_CONTENT_LENGTH;

    } else if (r->headers_in.content_length_n > slcf->max_size) {
        error = SOCIAL_S3_ENTITY_TOO_LARGE;
    }

    put = NULL;

    if (error == SOCIAL_S3_OK) {

        cln = ngx_http_cleanup_add(r, 0);
        put = ngx_http_social_put_create(r, sr);

        if (cln == NULL || put == NULL) {
            if (put) {
                ngx_http_social_put_free(put);
            }

            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_http_social_put_cleanup;
        cln->data = put;

        error = ngx_http_social_put_checks(r, sr, put);
    }

    if (error != SOCIAL_S3_OK) {

        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }

        return ngx_http_social_store_error(r, error, NULL);
    }

    ngx_http_set_ctx(r, put, ngx_http_social_store_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_put_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_http_social_put_t *
ngx_http_social_put_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    u_char                 *path;
    ngx_str_t              *type;
    ngx_pool_t             *pool;
    ngx_http_social_put_t  *put;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    put = ngx_pcalloc(pool, sizeof(ngx_http_social_put_t));

    if (put == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    put->pool = pool;
    put->request = r;
    put->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    put->disk.fd = -1;

    put->task = ngx_thread_task_alloc(pool, 0);
    put->room = ngx_palloc(pool, NGX_HTTP_SOCIAL_PUT_ROOM);
    path = ngx_pnalloc(pool, sr->path.len + 1);

    if (put->task == NULL || put->room == NULL || path == NULL
        || ngx_http_social_store_id(put->id) != NGX_OK)
    {
        ngx_http_social_put_free(put);
        return NULL;
    }

    put->task->ctx = put;
    put->task->handler = ngx_http_social_put_thread;
    put->task->event.handler = ngx_http_social_put_done;
    put->task->event.data = put;
    put->task->event.log = ngx_cycle->log;

    ngx_memcpy(path, sr->path.data, sr->path.len + 1);

    put->disk.root = (char *) put->conf->root.data;
    put->disk.id = put->id;
    put->disk.path = (char *) path;
    put->disk.sync = put->conf->sync;
    put->disk.meta.size = r->headers_in.content_length_n;
    ngx_memcpy(put->disk.meta.id, put->id, SOCIAL_STORE_ID_SIZE);

    if (r->headers_in.content_type) {

        type = &r->headers_in.content_type->value;

        put->disk.meta.type.len = type->len;
        put->disk.meta.type.data = ngx_pstrdup(pool, type);

        if (put->disk.meta.type.data == NULL) {
            ngx_http_social_put_free(put);
            return NULL;
        }
    }

    ngx_md5_init(&put->md5);
    ngx_crc32_init(put->crc32);

    return put;
}


/*
 * What the client says of its bytes is compared with them before anything is
 * acknowledged; a checksum that we cannot compute is not passed over.
 */

static social_s3_error_e
ngx_http_social_put_checks(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_http_social_put_t *put)
{
    ngx_str_t            name;
    ngx_uint_t           i, has;
    static const char   *unknown[] = {
        "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
        "x-amz-checksum-sha1", "if-none-match", "if-match"
    };

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {

        name.data = (u_char *) unknown[i];
        name.len = ngx_strlen(unknown[i]);

        if (ngx_http_social_header_in(r, &name,
                                      ngx_hash_key(name.data, name.len), NULL)
            != NULL)
        {
            return SOCIAL_S3_NOT_IMPLEMENTED;
        }
    }

    if (sr->verified.payload == SOCIAL_SIGV4_PAYLOAD_DIGEST) {
        ngx_memcpy(put->want_sha256, sr->verified.digest, SOCIAL_SHA256_SIZE);
        put->has_sha256 = 1;
    }

    if (ngx_http_social_put_header(r, "x-amz-checksum-sha256",
                                   put->want_checksum, SOCIAL_SHA256_SIZE,
                                   &has)
        != NGX_OK)
    {
        return SOCIAL_S3_INVALID_DIGEST;
    }

    put->has_checksum = has;

    if (ngx_http_social_put_header(r, "x-amz-checksum-crc32", put->want_crc32,
                                   4, &has)
        != NGX_OK)
    {
        return SOCIAL_S3_INVALID_DIGEST;
    }

    put->has_crc32 = has;

    if (ngx_http_social_put_header(r, "content-md5", put->want_md5, 16, &has)
        != NGX_OK)
    {
        return SOCIAL_S3_INVALID_DIGEST;
    }

    put->has_md5 = has;

    if (put->has_sha256 || put->has_checksum) {

        put->sha256 = social_sha256_create();
        if (put->sha256 == NULL) {
            return SOCIAL_S3_INTERNAL_ERROR;
        }
    }

    if (put->conf->announce) {

        if (ngx_http_social_store_announcement(put->pool, &put->disk.meta,
                                               sr->key, &put->announce)
            != NGX_OK)
        {
            return SOCIAL_S3_INTERNAL_ERROR;
        }

        put->disk.announce = ngx_http_social_view(&put->announce);
    }

    return SOCIAL_S3_OK;
}


static ngx_int_t
ngx_http_social_put_header(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len, ngx_uint_t *has)
{
    size_t            n;
    u_char            buf[64];
    ngx_str_t         s;
    ngx_uint_t        more;
    ngx_table_elt_t  *h;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    *has = 0;

    h = ngx_http_social_header_in(r, &s, ngx_hash_key(s.data, s.len), &more);

    if (h == NULL) {
        return NGX_OK;
    }

    if (more || h->value.len > 64
        || social_base64_decode(ngx_http_social_view(&h->value), buf, &n)
           != SOCIAL_OK
        || n != len)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(value, buf, len);
    *has = 1;

    return NGX_OK;
}


static void
ngx_http_social_put_body(ngx_http_request_t *r)
{
    ngx_http_social_put_read(r);
}


/*
 * Takes what has been read; hands it to a thread, or reads on.
 */

static void
ngx_http_social_put_read(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_chain_t            *cl;
    ngx_http_social_put_t  *put;

    put = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    if (put->busy) {
        return;
    }

    for ( ;; ) {

        cl = r->request_body->bufs;
        r->request_body->bufs = NULL;

        if (ngx_http_social_put_take(put, cl) != NGX_OK) {
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
                ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
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


static ngx_int_t
ngx_http_social_put_take(ngx_http_social_put_t *put, ngx_chain_t *cl)
{
    size_t  n;

    for ( /* void */ ; cl; cl = cl->next) {

        n = (size_t) (cl->buf->last - cl->buf->pos);

        if (n == 0) {
            continue;
        }

        /* a location's buffer is smaller than the room: see the merging */

        if (!ngx_buf_in_memory(cl->buf)
            || n > NGX_HTTP_SOCIAL_PUT_ROOM - put->len)
        {
            return NGX_ERROR;
        }

        ngx_memcpy(put->room + put->len, cl->buf->pos, n);
        put->len += n;

        cl->buf->pos = cl->buf->last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step)
{
    put->step = step;

    if (ngx_thread_task_post(put->conf->thread_pool, put->task) != NGX_OK) {
        return NGX_ERROR;
    }

    put->busy = 1;

    return NGX_OK;
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
}


static void
ngx_http_social_put_write(ngx_http_social_put_t *put)
{
    social_str_t  piece;

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

    if (social_net_disk_write(put->disk.fd, piece) != SOCIAL_OK) {
        put->err = ngx_errno;
        put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
        return;
    }

    ngx_md5_update(&put->md5, piece.data, piece.len);

    if (put->has_crc32) {
        ngx_crc32_update(&put->crc32, (u_char *) piece.data, piece.len);
    }

    if (put->sha256 && social_sha256_update(put->sha256, piece) != SOCIAL_OK) {
        put->error = SOCIAL_S3_INTERNAL_ERROR;
    }

    put->received += put->len;
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

    put->error = ngx_http_social_put_compare(put);

    if (put->error != SOCIAL_S3_OK) {
        return;
    }

    put->disk.meta.modified = time(NULL);

    if (put->announce.len) {
        ngx_http_social_store_announcement_etag(&put->announce,
                                                &put->disk.meta);
    }

    if (social_net_disk_commit(&put->disk) != SOCIAL_OK) {
        put->err = ngx_errno;
        put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
    }
}


static social_s3_error_e
ngx_http_social_put_compare(ngx_http_social_put_t *put)
{
    u_char  md5[16], crc32[4], sha256[SOCIAL_SHA256_SIZE];

    if (put->received != put->disk.meta.size) {
        return SOCIAL_S3_INCOMPLETE_BODY;
    }

    ngx_md5_final(md5, &put->md5);
    ngx_hex_dump(put->disk.meta.etag, md5, 16);

    if (put->has_md5 && ngx_memcmp(md5, put->want_md5, 16) != 0) {
        return SOCIAL_S3_BAD_DIGEST;
    }

    if (put->has_crc32) {
        ngx_crc32_final(put->crc32);

        crc32[0] = (u_char) (put->crc32 >> 24);
        crc32[1] = (u_char) (put->crc32 >> 16);
        crc32[2] = (u_char) (put->crc32 >> 8);
        crc32[3] = (u_char) put->crc32;

        if (ngx_memcmp(crc32, put->want_crc32, 4) != 0) {
            return SOCIAL_S3_BAD_DIGEST;
        }
    }

    if (put->sha256 == NULL) {
        return SOCIAL_S3_OK;
    }

    if (social_sha256_final(put->sha256, sha256) != SOCIAL_OK) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (put->has_sha256
        && ngx_memcmp(sha256, put->want_sha256, SOCIAL_SHA256_SIZE) != 0)
    {
        return SOCIAL_S3_CONTENT_SHA256_MISMATCH;
    }

    if (put->has_checksum
        && ngx_memcmp(sha256, put->want_checksum, SOCIAL_SHA256_SIZE) != 0)
    {
        return SOCIAL_S3_BAD_DIGEST;
    }

    return SOCIAL_S3_OK;
}


static void
ngx_http_social_put_done(ngx_event_t *ev)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_social_put_t  *put;

    put = ev->data;
    r = put->request;

    put->busy = 0;

    if (put->step == NGX_HTTP_SOCIAL_PUT_ABORT) {
        ngx_http_social_put_free(put);
        return;
    }

    if (put->step == NGX_HTTP_SOCIAL_PUT_COMMIT
        && put->error == SOCIAL_S3_OK && put->announce.len)
    {
        /* whether or not the client is still there to hear of it */

        ngx_http_social_store_announce(put->conf, put->id, &put->announce);
    }

    if (r == NULL) {

        if (put->disk.fd == -1
            || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_ABORT)
               != NGX_OK)
        {
            ngx_http_social_put_free(put);
        }

        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (put->error != SOCIAL_S3_OK) {

        ngx_http_social_put_failed(put);

        rc = ngx_http_social_store_error(r, put->error, NULL);
        ngx_http_finalize_request(r, rc);

    } else if (put->step == NGX_HTTP_SOCIAL_PUT_COMMIT) {

        rc = ngx_http_social_put_answer(put);
        ngx_http_finalize_request(r, rc);

    } else {
        put->len = 0;
        ngx_http_social_put_read(r);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_put_failed(ngx_http_social_put_t *put)
{
    if (put->error == SOCIAL_S3_SERVICE_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_CRIT, put->request->connection->log, put->err,
                      "social: the store could not write below \"%V\"",
                      &put->conf->root);
    }
}


static ngx_int_t
ngx_http_social_put_answer(ngx_http_social_put_t *put)
{
    ngx_str_t            etag, body;
    ngx_http_request_t  *r;
    static ngx_str_t     none = ngx_null_string;

    r = put->request;

    etag.data = ngx_pnalloc(r->pool, 34);
    if (etag.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag.len = ngx_sprintf(etag.data, "\"%*s\"", (size_t) 32,
                           put->disk.meta.etag)
               - etag.data;

    if (ngx_http_social_header_out_push(r, "ETag", &etag) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&body);

    return ngx_http_social_reply(r, NGX_HTTP_OK, &none, &body);
}


static void
ngx_http_social_put_cleanup(void *data)
{
    ngx_http_social_put_t  *put = data;

    put->request = NULL;

    if (put->busy) {
        /* the thread's end sees to the rest */
        return;
    }

    if (put->disk.fd == -1
        || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_ABORT) != NGX_OK)
    {
        ngx_http_social_put_free(put);
    }
}


static void
ngx_http_social_put_free(ngx_http_social_put_t *put)
{
    if (put->disk.fd != -1) {
        ngx_close_file(put->disk.fd);
    }

    social_sha256_destroy(put->sha256);
    ngx_destroy_pool(put->pool);
}
